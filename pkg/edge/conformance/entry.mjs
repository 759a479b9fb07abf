import { objectClass, worker } from "./edge.mjs";
export default worker;
export class Room extends objectClass("Room") {}
