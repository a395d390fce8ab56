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
  return `/*${createHash("sha256").update(text).digest("hex").slice(0, 16)}*/${text}`
}

/**
 * Compiling a megabyte of code costs more than the rest of a start. V8 can cache compiled code, but only for a script
 * that it gets as text, and only for the machine and Node version that compiled it. So the program is text, and its cache
 * is written to the user's cache folder a moment after the first start. If no folder can be written, the program starts
 * without a cache, only slower. The text has a file of its own because V8 keeps the text of all that runs: within this
 * file, the program would be in memory twice.
 *
 * `smallHeap` is for a server, which waits beside a model that needs the memory: V8's young generation does not grow
 * during start-up, which would be permanent, and what a start leaves behind is collected early. V8 rejects a cache that
 * was made under other flags, so the flags are set before anything is compiled.
 */
export const launcher = ({ name, program, version, smallHeap }) => `#!/usr/bin/env node
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import vm from "node:vm"
import { fileURLToPath } from "node:url"
${smallHeap ? `import { setFlagsFromString } from "node:v8"\n\nsetFlagsFromString("--semi-space-growth-factor=1")\nsetFlagsFromString("--optimize-for-size")\n` : ""}
const filename = fileURLToPath(import.meta.url)
const folder = process.env.XDG_CACHE_HOME || (process.platform === "win32" ? process.env.LOCALAPPDATA : process.env.HOME && path.join(process.env.HOME, ".cache"))
const start = () => {
  const program = fs.readFileSync(path.join(path.dirname(filename), ${JSON.stringify(program)}), "utf8")
  const cache = folder && path.join(folder, "lms-bridge", \`${name}-\${program.slice(2, 18)}-\${process.version}-\${process.arch}.v8\`)
  let cachedData
  try {
    cachedData = cache && fs.readFileSync(cache)
  } catch {}
  const script = new vm.Script(program, {
    filename,
    cachedData: cachedData || undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  })
  if (cache && script.cachedDataRejected !== false) keep(script, cache)
  script.runInThisContext()(createRequire(import.meta.url), import.meta.url)
}
const keep = (script, cache) => {
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
  setTimeout(write, 700).unref()
  process.once("exit", write)
}
// --version is answered before anything is compiled
if (process.argv.length === 3 && process.argv[2] === "--version") console.log(${JSON.stringify(version)})
else start()
`
