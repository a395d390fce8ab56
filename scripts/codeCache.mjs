// The shape of an executable: one ESM file that carries its program as text and runs it with V8's code cache.
import { createHash } from "node:crypto"

/**
 * Compiling a megabyte of program at every start costs more than everything else a start does. V8 can keep what it
 * compiled, but only for a script that it is given as text, and only on the machine and Node that compiled it: so the
 * program is embedded as a string, and its cache is written to the user's cache folder a moment after the first start.
 * Without a folder that can be written, it starts all the same, only slower.
 *
 * With `smallHeap`, the young part of V8's heap does not grow over the garbage of start-up, which it would keep for good:
 * a server waits beside a model that needs the memory. V8 refuses a cache that was made under other flags, so this is set
 * before anything is compiled.
 */
export const embed = ({ name, version, program, smallHeap }) => {
  const hash = createHash("sha256").update(program).digest("hex").slice(0, 16)
  return `#!/usr/bin/env node
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import vm from "node:vm"
import { fileURLToPath } from "node:url"
${smallHeap ? `import { setFlagsFromString } from "node:v8"\n\nsetFlagsFromString("--semi-space-growth-factor=1")\n` : ""}
const filename = fileURLToPath(import.meta.url)
const folder = process.env.XDG_CACHE_HOME || (process.platform === "win32" ? process.env.LOCALAPPDATA : process.env.HOME && path.join(process.env.HOME, ".cache"))
const cache = folder && path.join(folder, "lms-bridge", \`${name}-${hash}-\${process.version}-\${process.arch}.v8\`)
const start = () => {
  let cachedData
  try {
    cachedData = cache && fs.readFileSync(cache)
  } catch {}
  const script = new vm.Script(${JSON.stringify(program)}, {
    filename,
    cachedData: cachedData || undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  })
  if (cache && script.cachedDataRejected !== false) keep(script)
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
  // by then, what a start needs has been compiled
  setTimeout(write, 700).unref()
  process.once("exit", write)
}
// the version is answered before anything is compiled
if (process.argv.length === 3 && process.argv[2] === "--version") console.log(${JSON.stringify(version)})
else start()
`
}
