// The form of an executable: a small ESM file, and beside it its program as text, which it runs with V8's code cache.
import { createHash } from "node:crypto"

/** The file beside an executable that has its program. */
export const programOf = (file) => file.replace(/\.js$/, ".program.js")

/**
 * The program as text, with its hash at the beginning. The minifier leaves characters beyond ASCII in regular
 * expressions, and a single one beyond Latin-1 would make V8 keep two bytes for every character of the program.
 */
export const programText = (program) => {
  const text = program.replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16)
  return { hash, text: `/*${hash}*/${text}` }
}

/**
 * Compiling a megabyte of code costs more than the rest of a start. V8 can cache compiled code, but only for a script
 * that it gets as text, and only for the machine and Node version that compiled it. So the program is text, and its cache
 * is written to the user's cache folder after the first start. If no folder can be written, the program starts without a
 * cache, only slower. The text has a file of its own because V8 keeps the text of all that runs: within this file, the
 * program would be in memory twice.
 *
 * `waits` says which commands are servers, or that the program is one: it waits beside a model that needs the memory. Then
 * V8's young generation does not grow during start-up, which would be permanent, and what the start leaves behind is
 * collected when it is over; otherwise it stays until the server has work. V8 rejects a cache that was made under other
 * flags, so the first is set before anything is compiled, the others are taken back, and what waits has its own cache.
 */
export const launcher = ({ name, program, hash, version, waits }) => `#!/usr/bin/env node
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import vm from "node:vm"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"

const waits = ${waits === true ? "true" : `${JSON.stringify(waits)}.includes(process.argv[2])`}
if (waits) setFlagsFromString("--semi-space-growth-factor=1")
const filename = fileURLToPath(import.meta.url)
const folder = process.env.XDG_CACHE_HOME || (process.platform === "win32" ? process.env.LOCALAPPDATA : process.env.HOME && path.join(process.env.HOME, ".cache"))
const cache = folder && path.join(folder, "lms-bridge", \`${name}-${hash}-\${waits ? "waiting-" : ""}\${process.version}-\${process.arch}.v8\`)
const start = () => {
  // before the program: glibc returns the memory of the first large buffer, and keeps that of later ones
  let cachedData
  try {
    cachedData = cache && fs.readFileSync(cache)
  } catch {}
  const program = fs.readFileSync(path.join(path.dirname(filename), ${JSON.stringify(program)}), "utf8")
  // a build may be replacing both files at this moment
  const known = program.startsWith("/*${hash}*/")
  const script = new vm.Script(program, {
    filename,
    cachedData: (known && cachedData) || undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  })
  if (cache && known && script.cachedDataRejected !== false) keep(script)
  script.runInThisContext()(createRequire(import.meta.url), import.meta.url)
}
const keep = (script) => {
  let written = false
  const write = () => {
    if (written) return
    written = true
    const temporary = \`\${cache}.\${process.pid}\`
    try {
      fs.mkdirSync(path.dirname(cache), { recursive: true, mode: 0o700 })
      fs.writeFileSync(temporary, script.createCachedData(), { mode: 0o600 })
      fs.renameSync(temporary, cache)
    } catch {}
  }
  // by then, everything a start needs has been compiled
  setTimeout(write, ${settled}).unref()
  process.once("exit", write)
}
const collect = () => {
  setFlagsFromString("--expose-gc")
  const gc = vm.runInNewContext("globalThis.gc")
  setFlagsFromString("--no-expose-gc")
  setFlagsFromString("--compact-on-every-full-gc")
  gc?.()
  setFlagsFromString("--no-compact-on-every-full-gc")
}
if (waits) setTimeout(collect, ${settled + 500}).unref()
// --version is answered before anything is compiled
if (process.argv.length === 3 && process.argv[2] === "--version") console.log(${JSON.stringify(version)})
else start()
`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Milliseconds until a client has been told of the tools, also on the first start of a new version. */
const settled = 2000
