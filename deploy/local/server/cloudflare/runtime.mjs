// What the two programs beside share: how Miniflare is started and ended, so
// that a program and its workerd live and die together.
import { existsSync } from "node:fs";
import { Log, LogLevel, Miniflare } from "miniflare";

// here is our folder.
export const here = new URL(".", import.meta.url).pathname;

// workerd collects garbage in the thread that answers, and what wraps its own objects
// survives there until a full collection. Where V8 lets the young generation grow, as
// it does by default, both take 50 to 120 ms under load; so they come sooner, and take less.
const V8_FLAGS = "--max-semi-space-size=1"; // MB

// start runs Miniflare and returns it. Its workerd ends with us, whatever ends
// us; we end when workerd does.
export async function start(options, persist) {
  // The kernel ends workerd when its parent is gone: nothing else would.
  const bound = `${here}workerd.sh`;
  if (existsSync(bound)) process.env.MINIFLARE_WORKERD_PATH = bound;
  process.env.MINIFLARE_WORKERD_V8_FLAGS ??= V8_FLAGS;
  let ending = false;
  const flare = new Miniflare({
    host: "127.0.0.1",
    port: 0, // of Miniflare's own entry, which nobody uses
    cf: false, // or else it asks the internet
    log: new Log(LogLevel.WARN),
    defaultPersistRoot: persist,
    handleRuntimeStdio(out, err) {
      out.pipe(process.stdout);
      err.pipe(process.stderr);
      out.on("end", () => {
        if (!ending) {
          console.error("workerd has ended by itself");
          process.exit(1);
        }
      });
    },
    ...options,
  });
  await flare.ready;
  // Miniflare's own handlers would end the process before it has drained.
  const ended = (drain) => async () => {
    if (ending) return;
    await drain();
    ending = true;
    await flare.dispose();
    process.exit(0);
  };
  const onTerm = (drain) => {
    for (const signal of ["SIGTERM", "SIGINT"]) {
      process.removeAllListeners(signal);
      process.on(signal, ended(drain));
    }
  };
  return { flare, onTerm };
}

// required returns a setting, or ends the program with status 2.
export function required(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set`);
  process.exit(2);
}

// list returns a setting that is a list.
export const list = (name) => required(name).split(",");

// address splits host:port, of a setting or of a value that came with it.
export function address(name, value = required(name)) {
  const at = value.lastIndexOf(":");
  const port = Number(value.slice(at + 1));
  if (at > 0 && Number.isInteger(port) && port > 0 && port < 65536) return { host: value.slice(0, at), port };
  console.error(`${name}=${value}: want host:port`);
  process.exit(2);
}
