// What the two programs beside share: how Miniflare is started and ended, so
// that a program and its workerd live and die together.
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { Log, LogLevel, Miniflare } from "miniflare";

// here is our folder.
export const here = new URL(".", import.meta.url).pathname;

// workerd collects garbage in the thread that answers, and what wraps its own objects
// survives there until a full collection, which then takes 50 to 160 ms under load, most
// of it for taking those objects down. So each collection is a full one: they come some
// three times a second and take 3 ms, 10 at most.
const V8_FLAGS = "--gc-global --max-semi-space-size=1"; // MB

// What does not outlive the process, such as what the Cache API keeps, is no file on a
// disk where memory is free: workerd syncs each file that it writes, in the thread that
// answers, and Cloudflare's cache promises nothing that would need it.
const MEMORY = "/dev/shm";
const ENOUGH = 256 << 20; // bytes; a container has 64 MB by default

const folder = (pid) => `${MEMORY}/provingground-${pid}`;

// sweep removes what processes left there that were killed.
function sweep() {
  for (const name of readdirSync(MEMORY)) {
    const pid = name.match(/^provingground-(\d+)$/)?.[1];
    if (!pid || existsSync(`/proc/${pid}`)) continue;
    try { rmSync(folder(pid), { recursive: true, force: true }); } catch { /* it is another user's */ }
  }
}

// volatile returns a folder in memory for as long as this process lives, or undefined
// where there is none.
function volatile() {
  const ours = folder(process.pid);
  try {
    sweep();
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ENOUGH) return undefined;
    mkdirSync(ours, { mode: 0o700 });
  } catch { // no such file system, or a folder of that name that is not ours
    return undefined;
  }
  process.on("exit", () => rmSync(ours, { recursive: true, force: true }));
  return ours;
}

// start runs Miniflare and returns it. Its workerd ends with us, whatever ends
// us; we end when workerd does.
export async function start(options, persist) {
  // The kernel ends workerd when its parent is gone: nothing else would.
  const bound = `${here}workerd.sh`;
  if (existsSync(bound)) process.env.MINIFLARE_WORKERD_PATH = bound;
  process.env.MINIFLARE_WORKERD_V8_FLAGS ??= V8_FLAGS;
  const memory = volatile();
  if (memory) process.env.TMPDIR = memory;
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
