// `npm run build`: compiles every package, then bundles each executable with all that it needs, without native parts.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { basename, dirname, isAbsolute, join } from "node:path"
import { gzipSync } from "node:zlib"
import { buildPage } from "../packages/page/build.mjs"
import { launcher, programOf, programText } from "./codeCache.mjs"
import { executables, fail, inRoot, packages, run, tool } from "./workspace.mjs"

const compile = async () => {
  // Without the tests, because a mistake in a test must not prevent the program from starting. `npm run check` compiles all.
  const projects = packages.map((name) => `packages/${name}/tsconfig.src.json`)
  const { code, stdout, stderr } = await run(tool("tsc"), ["-b", ...projects, "--pretty", "false"])
  if (code !== 0) fail(`build: the compiler found mistakes\n\n${stdout}${stderr}`)
}

const bundle = async ({ name, entry, file, beside, waits }) => {
  const { build } = await import("esbuild")
  if (!readFileSync(inRoot(entry), "utf8").startsWith("#!")) {
    fail(`build: ${entry} must begin with #!/usr/bin/env node, or ${name} cannot be started by its name`)
  }
  const options = {
    write: false,
    bundle: true,
    platform: "node",
    target: "node20.11",
    define: { "process.env.NODE_ENV": '"production"', "import.meta.url": "__importMetaUrl" },
    logLevel: "silent"
  }
  const parts = await build({
    ...options,
    entryPoints: [inRoot(entry)],
    outdir: inRoot(dirname(file)),
    // only in parts does a module that is loaded later, or that nothing uses, stay out of what is loaded at once
    format: "esm",
    splitting: true,
    // directly from the sources of the workspace's packages, so that unused exports are dropped
    conditions: ["@lms-bridge/source"],
    // the other entry of jsonc-parser uses a require() that no bundler can follow
    mainFields: ["module", "main"],
    legalComments: "eof"
  }).catch((error) => fail(`build: ${name} could not be bundled\n\n${error.message}`))
  const result = await build({
    ...options,
    entryPoints: [inRoot(dirname(file), "bin.js")],
    outfile: inRoot(file),
    plugins: [inMemory(parts.outputFiles)],
    // codeCache.mjs runs a function of `require` and the file's URL
    format: "cjs",
    minify: true,
    legalComments: "external"
  }).catch((error) => fail(`build: the parts of ${name} could not be joined\n\n${error.message}`))

  for (const warning of [...parts.warnings, ...result.warnings]) console.error(`build: ${name}: ${warning.text}`)
  const { hash, text } = programText(asFunction(result.outputFiles.find(({ path }) => path === inRoot(file)).text))
  const written = [
    { path: programOf(file), contents: text },
    {
      path: file,
      contents: launcher({ name, program: basename(programOf(file)), hash, version, waits }),
      mode: 0o755
    },
    ...result.outputFiles
      .filter(({ path }) => path !== inRoot(file))
      .map(({ path, text }) => ({ path, contents: text }))
  ]
  for (const { path, contents, mode = 0o644 } of written) {
    for (const folder of [file, beside].filter(Boolean).map((one) => dirname(inRoot(one)))) {
      write(join(folder, basename(path)), contents, mode)
    }
  }
  console.log(`build: ${file}  ${kilobytes(text.length)}, ${kilobytes(gzipSync(text).length)} compressed`)
}

/** Lets the bundler read these files, which are not on disk. */
const inMemory = (files) => ({
  name: "in-memory",
  setup: ({ onLoad, onResolve }) => {
    const texts = new Map(files.map(({ path, text }) => [path, text]))
    onResolve({ filter: /^[./]/ }, ({ path, resolveDir }) => {
      const found = isAbsolute(path) ? path : join(resolveDir, path)
      return texts.has(found) ? { path: found, namespace: "in-memory" } : undefined
    })
    onLoad({ filter: /./, namespace: "in-memory" }, ({ path }) => ({
      contents: texts.get(path),
      loader: "js",
      resolveDir: dirname(path)
    }))
  }
})

/** Atomically, because the file may be running, or be started by a test, at this moment. */
const write = (path, contents, mode) => {
  const temporary = `${path}.${process.pid}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(temporary, contents)
  chmodSync(temporary, mode)
  renameSync(temporary, path)
}

const { version } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"))

const asFunction = (text) =>
  `(function (require, __importMetaUrl) { var module = { exports: {} }, exports = module.exports;${text.replace(/^#!.*/, "")}
})`

const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`

await compile()
await buildPage().catch((error) => fail(`build: the page could not be made\n\n${error.message}`))
for (const executable of executables) await bundle(executable)
