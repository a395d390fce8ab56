// `npm run real -- --presets`: starts each preset with its own command line, from empty caches of npm and uv, as for a person
// who has never used it, and makes one call. Git and time are no presets, but the usual servers for `uvx` beside fetch.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { definition, presets as known, uvx } from "../../packages/core/dist/agent/presets/Preset.js"
import { executables, inRoot, run } from "../../scripts/workspace.mjs"
import { pythonServers, uv } from "./home.mjs"
import { startPages } from "./servers/pages.mjs"

const program = inRoot(executables.find(({ name }) => name === "lms-bridge").file)

/** Prints a line for each, and sets the exit code when one fails. */
export const presets = async () => {
  const path = [await uv(), process.env.PATH].join(delimiter)
  const place = realpathSync(mkdtempSync(join(tmpdir(), "lms-bridge-presets-")))
  const pages = await startPages()
  try {
    for (const check of await checks(place, pages.url)) {
      const started = performance.now()
      const verdict = await checked(check, { path, place })
      if (verdict.state === "failed") process.exitCode = 1
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(`${verdict.state.padEnd(8)}${check.entry.name.padEnd(11)} ${seconds.padStart(5)} s  ${verdict.why}`)
    }
  } finally {
    pages.stop()
    rmSync(place, { recursive: true, force: true })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** For each server its entry, one call, what the answer has to contain, and the service that it cannot do without. */
const checks = async (place, url) => {
  const folder = join(place, "files")
  const repository = join(place, "repository")
  mkdirSync(folder)
  writeFileSync(join(folder, "bees.txt"), "Bees like clover.\n")
  await repositoryIn(repository)
  const memory = definition(known.memory, { folders: [], file: join(place, "memory.jsonl") })
  const bee = { name: "bee", entityType: "insect", observations: ["likes clover"] }
  return [
    {
      entry: definition(known.filesystem, { folders: [folder] }),
      call: ["read_text_file", { path: join(folder, "bees.txt") }],
      expected: /Bees like clover/
    },
    { entry: memory, call: ["create_entities", { entities: [bee] }], expected: /likes clover/ },
    {
      // the page is on loopback, which the server refuses by default
      entry: withArgs(definition(known.fetch, { folders: [] }), "--allow-private-ips"),
      call: ["fetch", { url: `${url}/museum.html` }],
      expected: /Closed on Monday/
    },
    {
      entry: withArgs({ name: "git", ...uvx(`mcp-server-git@${pythonServers.git}`) }, "--repository", repository),
      call: ["git_log", { repo_path: repository }],
      expected: /Plant clover/
    },
    {
      entry: { name: "time", ...uvx(`mcp-server-time@${pythonServers.time}`) },
      call: ["convert_time", { source_timezone: "UTC", time: "12:00", target_timezone: "Asia/Tokyo" }],
      expected: /21:00/
    },
    {
      entry: definition(known.github, { folders: [] }),
      env: { [known.github.token]: "ghp_wrong" },
      call: ["search_repositories", { query: "clover" }],
      expected: /Bad credentials/,
      service: "https://api.github.com"
    }
  ]
}

const withArgs = (entry, ...args) => ({ ...entry, args: [...entry.args, ...args] })

const checked = async ({ call, entry, env, expected, service }, { path, place }) => {
  const [tool, input] = call
  const { name, startMillis = 180_000, ...server } = entry
  const mcpJson = join(place, "mcp.json")
  writeFileSync(mcpJson, JSON.stringify({ mcpServers: { [name]: { ...server, startup_timeout_ms: startMillis } } }))
  const { code, stderr, stdout } = await run(
    process.execPath,
    [program, "mcp", "call", name, tool, JSON.stringify(input)],
    {
      cwd: place,
      env: {
        ...env,
        PATH: path,
        npm_config_cache: join(place, "npm"),
        UV_CACHE_DIR: join(place, "uv"),
        LMS_BRIDGE_DATA_DIR: join(place, "data"),
        MCP_JSON_PATH: mcpJson
      },
      timeoutMillis: startMillis + 60_000
    }
  )
  const said = `${stdout}${stderr}`.trim()
  const short = said.replaceAll(/\s+/g, " ")
  if (expected.test(said)) return { state: "passed", why: short.slice(0, 100) }
  // it did start, and its tool was called
  if (service !== undefined && short.includes(`Tool "${tool}" of MCP server "${name}" failed`)) {
    const problem = await unreachable(service)
    if (problem !== undefined)
      return { state: "skipped", why: `it starts and takes the call, but ${service} cannot be reached (${problem})` }
  }
  return { state: "failed", why: `exit ${code}: ${short.slice(-2000)}` }
}

/** Why this program cannot reach a service either. */
const unreachable = (url) =>
  fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
    () => undefined,
    ({ cause, message }) => cause?.code ?? message
  )

const repositoryIn = async (folder) => {
  mkdirSync(folder)
  writeFileSync(join(folder, "garden.txt"), "clover\n")
  const person = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "-c", "commit.gpgsign=false"]
  for (const args of [
    ["init", "-q"],
    ["add", "."],
    [...person, "commit", "-q", "-m", "Plant clover"]
  ]) {
    const { code, stderr } = await run("git", args, { cwd: folder })
    if (code !== 0) throw new Error(`git ${args.join(" ")} ended with ${code}: ${stderr}`)
  }
}
