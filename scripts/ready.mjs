// Makes the workspace ready: installs the exact dependencies and builds everything, each only if it is out of date.
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { programOf } from "./codeCache.mjs"
import { executables, exists, inRoot, packages, root, run, tool } from "./workspace.mjs"

const oldestNode = [20, 11]

/** Brings the workspace up to date. An Error that it throws says what to do. Prints only if there is something to do. */
export const makeReady = async () => {
  checkNode()
  const started = performance.now()
  const installed = await upToDate("install", installInputs, [tool("tsc"), tool("esbuild")], install)
  const built = await upToDate(
    "build",
    buildInputs,
    [
      ...packages.map((name) => inRoot("packages", name, "dist", ".src.tsbuildinfo")),
      inRoot("packages", "page", "dist", "asset.js"),
      ...executables.flatMap(({ file, beside = file }) =>
        [file, beside].flatMap((one) => [inRoot(one), inRoot(programOf(one))])
      )
    ],
    build
  )
  if (!installed && !built) return false
  console.error(`setup: ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return true
}

// -----------------------------------------------------------------------------
// steps
// -----------------------------------------------------------------------------

const checkNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  const enough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  if (!enough) {
    throw new Error(
      `lms-bridge needs Node ${oldestNode.join(".")} or newer; this is ${process.version}. See https://nodejs.org.`
    )
  }
}

const install = async () => {
  const wanted = JSON.parse(readFileSync(inRoot("package.json"), "utf8")).packageManager
  console.error(`setup: installing the dependencies with ${wanted} (the first time takes a while)`)
  // npm runs the pinned package manager, so that nothing has to be installed globally
  const pnpm = await run(npm, [
    "exec",
    "--yes",
    "--loglevel=error",
    `--package=${wanted}`,
    "--",
    "pnpm",
    "install",
    "--frozen-lockfile"
  ])
  if (pnpm.code !== 0) {
    throw new Error(
      `The dependencies could not be installed (exit ${pnpm.code}). What pnpm said:\n\n${tail(pnpm)}\n\n` +
        "Check that the npm registry can be reached (npm ping), then run: npm run setup"
    )
  }
  // `prepare` does this too, unless npm ignores scripts; a second time changes nothing
  const patch = await run(tool("effect-tsgo"), ["patch"])
  if (patch.code !== 0) throw new Error(`The compiler could not be given the Effect diagnostics:\n\n${tail(patch)}`)
}

const build = async () => {
  console.error("setup: building")
  const result = await run(process.execPath, [inRoot("scripts", "build.mjs")])
  if (result.code !== 0) throw new Error(`The build failed:\n\n${tail(result)}`)
}

// -----------------------------------------------------------------------------
// what is up to date
// -----------------------------------------------------------------------------

const installInputs = () => [
  "package.json",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  ".npmrc",
  ...packages.map((name) => `packages/${name}/package.json`)
]

const buildInputs = () => [
  "pnpm-lock.yaml",
  "tsconfig.base.json",
  "packages/page/build.mjs",
  "scripts/build.mjs",
  "scripts/codeCache.mjs",
  "scripts/workspace.mjs",
  ...packages.flatMap((name) => [
    `packages/${name}/package.json`,
    `packages/${name}/tsconfig.src.json`,
    ...filesUnder(`packages/${name}/src`)
  ])
]

/** Runs `step` unless its inputs are unchanged since the last time and its outputs exist. Returns whether it ran. */
const upToDate = async (name, inputs, outputs, step) => {
  const stamp = inRoot("node_modules", ".cache", "lms-bridge", `${name}.stamp`)
  const before = fingerprint(inputs())
  if (outputs.every((path) => isFile(path)) && read(stamp) === before) return false
  rmSync(stamp, { force: true })
  await step()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, before)
  return true
}

const fingerprint = (paths) => {
  const hash = createHash("sha256").update(process.version)
  for (const path of paths) hash.update(`\0${path}\0`).update(read(inRoot(path)) ?? "")
  return hash.digest("hex")
}

const filesUnder = (folder) =>
  exists(folder)
    ? readdirSync(inRoot(folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
        .toSorted()
    : []

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const tail = ({ stdout, stderr }) => `${stdout}\n${stderr}`.trim().split("\n").slice(-40).join("\n")

const npm = process.platform === "win32" ? "npm.cmd" : "npm"
