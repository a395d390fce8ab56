// Checks the packages as their users get them: packed, installed into empty folders outside of the workspace, and used.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { createInterface } from "node:readline"
import { isDeepStrictEqual } from "node:util"
import { parse } from "yaml"
import { officialServer } from "../../bench/servers.mjs"
import { startSuite } from "../checks.mjs"
import { inRoot, root, run, tool } from "../workspace.mjs"
import { pack } from "./pack.mjs"

const { finish, record } = startSuite("packages")
const folder = mkdtempSync(join(tmpdir(), "lms-bridge-packages-"))
const { packageManager, version } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"))

const check = async (name, problemOf) => {
  record(name, await problemOf().catch((error) => error.message))
}

const orThrow = ({ code, stderr, stdout }, what) => {
  if (code !== 0) throw new Error(`${what}: exit ${code}\n${stdout}${stderr}`)
  return stdout
}

const pnpm = async (args, cwd) =>
  orThrow(
    await run("npm", ["exec", "--yes", "--loglevel=error", `--package=${packageManager}`, "--", "pnpm", ...args], {
      cwd
    }),
    `pnpm ${args[0]}`
  )

const tar = async (...args) => orThrow(await run("tar", args), "tar")
const manifestIn = async (tarball) => JSON.parse(await tar("xOzf", tarball, "package/package.json"))
const filesIn = async (tarball) =>
  (await tar("tzf", tarball))
    .trim()
    .split("\n")
    .map((path) => path.replace("package/", ""))
    .toSorted()

// -----------------------------------------------------------------------------
// what is packed
// -----------------------------------------------------------------------------

const packed = await pack(join(folder, "npm"))
const manifests = new Map()
for (const { tarball } of packed) manifests.set(tarball, await manifestIn(tarball))

const packages = ["-r", "--filter", "./packages/*", "pack", "--pack-destination", join(folder, "pnpm")]
mkdirSync(join(folder, "pnpm"))
await check("pnpm packs them, too", () => pnpm(packages, root).then(() => undefined))

for (const { files, folder: name, tarball } of packed) {
  const manifest = manifests.get(tarball)
  await check(`${manifest.name}: complete, and without anything else`, async () => {
    const targets = [manifest.exports, manifest.bin].flatMap((map = {}) =>
      Object.values(map).flatMap((to) => (typeof to === "string" ? to : Object.values(to)))
    )
    const wanted = ["README.md", "LICENSE", "CHANGELOG.md", ...targets.map((path) => path.replace("./", ""))]
    const missing = wanted.filter((path) => !files.includes(path))
    const surplus = files.filter(
      (path) =>
        !wanted.includes(path) &&
        !/^(dist|src)\/.*(\.js|\.ts|\.map|\.LEGAL\.txt)$|^((package|config\.schema)\.json|LICENSE|\w+\.md)$/.test(path)
    )
    const wrong = Object.entries(manifest.dependencies ?? {}).filter(([, range]) => !/^\d+(\.\d+)+$/.test(range))
    const problems = [
      ...missing.map((path) => `${path} is missing`),
      ...surplus.map((path) => `${path} should not be there`),
      ...wrong.map(([dependency, range]) => `${dependency} is "${range}"`),
      ...["scripts", "devDependencies"].filter((key) => key in manifest).map((key) => `it has ${key}`),
      ...(manifest.engines?.node === undefined ? ["it has no engines"] : []),
      ...(manifest.version === version ? [] : [`its version is ${manifest.version}`])
    ]
    return problems.length === 0 ? undefined : problems.join("\n")
  })
  await check(`${manifest.name}: the same from pnpm`, async () => {
    const other = join(folder, "pnpm", basename(tarball))
    if (!isDeepStrictEqual(await manifestIn(other), manifest)) return "package.json is another"
    return isDeepStrictEqual(await filesIn(other), await filesIn(tarball)) ? undefined : "its files are others"
  })
  await check(`${manifest.name}: package.json is as it was before`, async () => {
    const { scripts } = JSON.parse(readFileSync(inRoot("packages", name, "package.json"), "utf8"))
    return scripts?.prepack === undefined ? "it has not been restored" : undefined
  })
}

await check("npm would publish lms-bridge", async () => {
  const { tarball } = packed.find(({ folder: name }) => name === "cli")
  orThrow(await run("npm", ["publish", tarball, "--dry-run", "--access", "public"], { cwd: folder }), "npm publish")
})

await check("the release workflow: pinned actions, and no more rights than it needs", async () => {
  const { jobs, permissions } = parse(readFileSync(inRoot(".github", "workflows", "release.yml"), "utf8"))
  const used = jobs.publish.steps.flatMap(({ uses }) => (uses === undefined ? [] : [uses]))
  const floating = used.filter((action) => !/@[0-9a-f]{40}$/.test(action))
  if (floating.length > 0) return `${floating.join(", ")}: not a commit`
  const rights = [permissions, jobs.publish.permissions]
  return isDeepStrictEqual(rights, [{}, { contents: "read", "id-token": "write" }]) ? undefined : JSON.stringify(rights)
})

// -----------------------------------------------------------------------------
// the programs, with npm
// -----------------------------------------------------------------------------

const app = join(folder, "app")
mkdirSync(join(app, "files"), { recursive: true })
writeFileSync(join(app, "files", "notes.md"), "Bees like clover.\n")
const mcpJson = join(app, "mcp.json")
writeFileSync(
  mcpJson,
  JSON.stringify({ mcpServers: { filesystem: officialServer("server-filesystem", join(app, "files")) } })
)

const cleared = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^(LMSTUDIO_|LMS_|LM_API_TOKEN|DEFAULT_MODEL)/.test(name))
    .map((name) => [name, ""])
)
const environment = {
  ...cleared,
  HOME: app,
  XDG_CACHE_HOME: join(app, ".cache"),
  MCP_JSON_PATH: mcpJson,
  LMSTUDIO_BASE_URL: "http://127.0.0.1:1"
}
const npx = (args, { env = {}, input } = {}) =>
  run("npx", ["--offline", ...args], { cwd: app, env: { ...environment, ...env }, input, timeoutMillis: 90_000 })

await check("npm installs lms-bridge, which needs nothing else", async () => {
  const tarball = packed.find(({ folder: name }) => name === "cli").tarball
  const install = ["install", "--offline", "--no-audit", "--no-fund", tarball]
  orThrow(await run("npm", install, { cwd: app, env: { HOME: app } }), "npm install")
  const { packages: installed } = JSON.parse(readFileSync(join(app, "node_modules", ".package-lock.json"), "utf8"))
  return isDeepStrictEqual(Object.keys(installed), ["node_modules/lms-bridge"])
    ? undefined
    : Object.keys(installed).join("\n")
})

for (const program of ["lms-bridge", "lms-bridge-mcp"]) {
  await check(`npx ${program} --version`, async () => {
    const printed = orThrow(await npx([program, "--version"]), program).trim()
    return printed === version ? undefined : `it printed ${printed}`
  })
}

await check("npx lms-bridge run, with the stand-in and an MCP server", async () => {
  const task = 'Read the text file "notes.md" and say what it is about.'
  const answer = orThrow(await npx(["lms-bridge", "run", task, "--mcp", "filesystem", "--stand-in", "always"]), "run")
  return answer.includes("clover") ? undefined : `the answer was: ${answer}`
})

await check("npx lms-bridge doctor, with a simulated LM Studio", async () => {
  const simulator = spawn(process.execPath, [join(app, "node_modules", ".bin", "lms-bridge"), "simulate", "--json"], {
    cwd: app,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "ignore"]
  })
  try {
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: simulator.stdout }).once("line", resolve)
      simulator.once("exit", (code) => reject(new Error(`the simulator ended with ${code}`)))
    })
    const { baseUrl, lmsDirectory } = JSON.parse(line)
    const env = { LMSTUDIO_BASE_URL: baseUrl, LMS_BRIDGE_LMS_BINARY: join(lmsDirectory, "lms") }
    const report = orThrow(await npx(["lms-bridge", "doctor"], { env }), "doctor")
    return report.includes("filesystem") ? undefined : report
  } finally {
    simulator.kill()
  }
})

await check("npx lms-bridge-mcp answers a client", async () => {
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "check", version } }
  const input = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`
  const answer = orThrow(await npx(["lms-bridge-mcp"], { input }), "lms-bridge-mcp")
  const { result } = JSON.parse(answer.split("\n")[0])
  return result?.serverInfo?.name === "lms-bridge" ? undefined : answer
})

// -----------------------------------------------------------------------------
// the libraries, with pnpm's store, so that nothing is downloaded twice
// -----------------------------------------------------------------------------

const program = join(folder, "program")
mkdirSync(program)
const libraries = packed.filter(({ folder: name }) => name !== "cli")
const tarballs = Object.fromEntries(libraries.map(({ tarball }) => [manifests.get(tarball).name, `file:${tarball}`]))
const modules = libraries.flatMap(({ tarball }) => {
  const { exports, name } = manifests.get(tarball)
  return Object.keys(exports)
    .filter((path) => path !== "./package.json")
    .map((path) => `${name}${path.slice(1)}`)
})
const imports = modules.map((module, index) => `import * as m${index} from ${JSON.stringify(module)}`)
const listing = `export const all = [${modules.map((_, index) => `m${index}`).join(", ")}]`
const files = {
  "package.json": JSON.stringify({
    type: "module",
    dependencies: { ...tarballs, "@types/node": "20.19.43" },
    // not in a registry yet
    pnpm: { overrides: tarballs }
  }),
  "tsconfig.json": JSON.stringify({
    compilerOptions: { strict: true, noEmit: true, module: "NodeNext", target: "ES2022", types: ["node"] },
    files: ["program.ts"]
  }),
  "program.ts": `${imports.join("\n")}\n${listing}\n`,
  "program.js": `${imports.join("\n")}\n${listing}\nconsole.log(all.filter((module) => Object.keys(module).length > 0).length)\n`
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(program, name), text)

await check("pnpm installs the libraries", () =>
  pnpm(
    ["install", "--ignore-workspace", "--prefer-offline", "--ignore-scripts", "--strict-peer-dependencies"],
    program
  ).then(() => undefined)
)

await check(`the ${modules.length} public modules can be imported`, async () => {
  const count = orThrow(await run(process.execPath, ["program.js"], { cwd: program }), "node").trim()
  return count === String(modules.length) ? undefined : `${count} of them export something`
})

await check("tsc --strict accepts their types", async () => {
  orThrow(await run(tool("tsc"), ["-p", "tsconfig.json", "--pretty", "false"], { cwd: program }), "tsc")
})

rmSync(folder, { recursive: true, force: true })
process.exitCode = finish()
