// The form of an executable: one ESM file that contains its program as text and runs it with V8's code cache.
import { createHash } from "node:crypto"

/**
 * Compiling a megabyte of code costs more than the rest of a start. V8 can cache compiled code, but only for a script
 * that it gets as text, and only for the machine and Node version that compiled it. So the program is embedded as a
 * string, and its cache is written to the user's cache folder a moment after the first start. If no folder can be
 * written, the program starts without a cache, only slower.
 *
 * `smallHeap` keeps V8's young generation from growing during start-up, which would be permanent: a server waits beside a
 * model that needs the memory. V8 rejects a cache that was made under other flags, so the flag is set before anything is
 * compiled.
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
  // by then, everything a start needs has been compiled
  setTimeout(write, 700).unref()
  process.once("exit", write)
}
// --version is answered before anything is compiled
if (process.argv.length === 3 && process.argv[2] === "--version") console.log(${JSON.stringify(version)})
else start()
`
}
