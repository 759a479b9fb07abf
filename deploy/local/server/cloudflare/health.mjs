// Ends with 0 when the server at ADDR is ready: the health check of the image.
import { address } from "./runtime.mjs";

const response = await fetch(`http://127.0.0.1:${address("ADDR").port}/readyz`);
process.exit(response.ok ? 0 : 1);
