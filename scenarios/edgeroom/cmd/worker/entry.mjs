import { objectClass, worker } from "./edge.mjs";
export default worker;
export class Counter extends objectClass("Counter") {}
export class Room extends objectClass("Room") {}
