// Runs the two built executables as a person and an MCP client would: against the simulator, with real MCP servers.
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { expect, startSuite } from "./checks.mjs"
import { executables, inRoot, run } from "./workspace.mjs"

const suite = startSuite("smoke")
const [cliFile, serverFile] = executables.map(({ file }) => inRoot(file))
const folder = mkdtempSync(join(tmpdir(), "lms-bridge-smoke-"))
const files = inRoot("docs", "example", "files")
const task = 'Read the text file "notes.md" and say what it is about.'

// -----------------------------------------------------------------------------
// the world that the executables run in
// -----------------------------------------------------------------------------

const serverScript = (name) => inRoot("node_modules", "@modelcontextprotocol", name, "dist", "index.js")

const mcpJson = join(folder, "mcp.json")
writeFileSync(
  mcpJson,
  JSON.stringify({
    mcpServers: {
      filesystem: { command: process.execPath, args: [serverScript("server-filesystem"), files] },
      everything: { command: process.execPath, args: [serverScript("server-everything")] },
      broken: { command: join(folder, "no-such-program") },
      "lms-bridge": { command: process.execPath, args: [serverFile] }
    }
  })
)

// every process that is started here, and whatever it starts, carries this mark in its environment
const mark = `LMS_BRIDGE_SMOKE_MARK=${process.pid}-${Math.random().toString(36).slice(2)}`
const environment = {
  PATH: process.env.PATH,
  HOME: folder,
  MCP_JSON_PATH: mcpJson,
  [mark.split("=")[0]]: mark.split("=")[1]
}

const closedPort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** `lms-bridge simulate` in the background: its first line says where it is. */
const startSimulator = () =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cliFile, "simulate", "--json"], {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stderr = ""
    child.stderr.setEncoding("utf8").on("data", (chunk) => (stderr += chunk))
    const exited = new Promise((done) => child.once("exit", (code, signal) => done(code ?? signal)))
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      reject(new Error(`the simulator said nothing for 20 s\n${stderr}`))
    }, 20_000)
    void exited.then((code) => reject(new Error(`the simulator ended with ${code}\n${stderr}`)))
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(timer)
      try {
        resolve({ child, exited, ...JSON.parse(line) })
      } catch {
        child.kill("SIGKILL")
        reject(new Error(`the simulator's first line is not JSON: ${line}`))
      }
    })
  })

let lmStudio = { LMSTUDIO_BASE_URL: "http://127.0.0.1:1" }

const cli = (args, { env = {}, timeoutMillis = 60_000 } = {}) =>
  run(process.execPath, [cliFile, ...args], {
    cwd: folder,
    // `run` adds to this process's environment; what could point to a real LM Studio is taken out of it
    env: { ...cleared, ...environment, ...lmStudio, ...env },
    timeoutMillis
  })

const cleared = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^(LMSTUDIO_|LMS_|LM_API_TOKEN|DEFAULT_MODEL|MCP_JSON_PATH)/.test(name))
    .map((name) => [name, undefined])
)

const exits = (result, code) => {
  expect(
    result.code === code,
    `exit ${result.signal ?? result.code} instead of ${code}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`
  )
  expect(!/^\s+at .+:\d+:\d+/m.test(result.stderr), `a stack trace was shown\n${result.stderr}`)
}

const json = (result) => {
  try {
    return JSON.parse(result.stdout)
  } catch {
    throw new Error(`stdout is not JSON: ${result.stdout.slice(0, 400)}\nstderr: ${result.stderr}`)
  }
}

const contains = (text, part) => expect(text.includes(part), `"${part}" is not in:\n${text.slice(0, 1500)}`)

// -----------------------------------------------------------------------------
// the command line
// -----------------------------------------------------------------------------

const { version } = JSON.parse(readFileSync(inRoot("packages", "cli", "package.json"), "utf8"))

await suite.check("lms-bridge --version prints the version and nothing else", async () => {
  const result = await cli(["--version"])
  exits(result, 0)
  expect(result.stdout.trim() === version, `it printed: ${result.stdout}`)
})

await suite.check("lms-bridge --help names every command", async () => {
  const result = await cli(["--help"])
  exits(result, 0)
  for (const command of ["run", "models", "mcp", "doctor", "serve", "simulate"]) contains(result.stdout, command)
})

let simulator
process.on("exit", () => simulator?.child.kill("SIGKILL"))

await suite.check("lms-bridge simulate starts the stand-in and says where it is", async () => {
  simulator = await startSimulator()
  expect(typeof simulator.baseUrl === "string", `no baseUrl in ${JSON.stringify(Object.keys(simulator))}`)
  expect(typeof simulator.lmsDirectory === "string", `no lmsDirectory in ${JSON.stringify(Object.keys(simulator))}`)
  lmStudio = { LMSTUDIO_BASE_URL: simulator.baseUrl, LMS_BRIDGE_LMS_BINARY: join(simulator.lmsDirectory, "lms") }
})

let model = ""
await suite.check("lms-bridge models ls lists the models on disk", async () => {
  const result = await cli(["models", "ls", "--json"])
  exits(result, 0)
  const models = json(result)
  expect(Array.isArray(models) && models.length > 0, `not a list with models: ${result.stdout}`)
  model = models.find((entry) => entry.type === "llm")?.key ?? ""
  expect(model !== "", `no language model with a key: ${result.stdout.slice(0, 600)}`)
})

await suite.check("lms-bridge models load, ps and unload agree", async () => {
  exits(await cli(["models", "load", model]), 0)
  const loaded = await cli(["models", "ps", "--json"])
  exits(loaded, 0)
  contains(JSON.stringify(json(loaded)), model)
  exits(await cli(["models", "unload", model]), 0)
  const after = await cli(["models", "ps", "--json"])
  expect(!JSON.stringify(json(after)).includes(model), `still loaded: ${after.stdout}`)
})

await suite.check("lms-bridge models ensure loads a model once", async () => {
  exits(await cli(["models", "ensure", model]), 0)
  exits(await cli(["models", "ensure", model]), 0)
  const loaded = json(await cli(["models", "ps", "--json"]))
  expect(Array.isArray(loaded) && loaded.length === 1, `not one instance: ${JSON.stringify(loaded)}`)
})

await suite.check("lms-bridge mcp ls shows the usable servers and leaves itself out", async () => {
  const result = await cli(["mcp", "ls", "--json"])
  exits(result, 0)
  const state = Object.fromEntries(json(result).map((server) => [server.name, server.state]))
  expect(state.filesystem === "usable" && state["lms-bridge"] === "itself", `states: ${JSON.stringify(state)}`)
})

await suite.check("lms-bridge mcp tools lists the tools of a real server", async () => {
  const result = await cli(["mcp", "tools", "everything", "--json"])
  exits(result, 0)
  expect(
    json(result).some((tool) => tool.name === "echo"),
    `no echo in ${result.stdout.slice(0, 600)}`
  )
})

await suite.check("lms-bridge mcp call runs a tool of a real server", async () => {
  const result = await cli(["mcp", "call", "everything", "echo", '{"message":"smoke"}'])
  exits(result, 0)
  contains(result.stdout, "Echo: smoke")
})

await suite.check("lms-bridge run answers on stdout with what a real tool returned", async () => {
  const result = await cli(["run", task, "--mcp", "filesystem"])
  exits(result, 0)
  contains(result.stdout, "spring fair")
  contains(result.stderr, "read_text_file")
})

await suite.check("lms-bridge run --json writes one event per line, the outcome last", async () => {
  const result = await cli(["run", task, "--mcp", "filesystem", "--json"])
  exits(result, 0)
  const events = result.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(events[0]?._tag === "RunStarted", `it begins with ${JSON.stringify(events[0]).slice(0, 200)}`)
  const last = events.at(-1)
  expect(
    last._tag === "RunFinished" && last.outcome.status === "done",
    `it ends with ${JSON.stringify(last).slice(0, 400)}`
  )
  expect(
    events.some((event) => event._tag === "ToolCallFinished" && !event.isError),
    "no tool was called"
  )
})

await suite.check("lms-bridge doctor finds everything in order", async () => {
  const result = await cli(["doctor"])
  contains(result.stdout, simulator.baseUrl)
  contains(result.stdout, "filesystem")
})

await suite.check("usage errors end with 2", async () => exits(await cli(["run", "--no-such-option"]), 2))

await suite.check("an LM Studio that is not there ends with 3", async () => {
  const env = { LMSTUDIO_BASE_URL: `http://127.0.0.1:${await closedPort()}`, LMS_BRIDGE_LMS_BINARY: "none" }
  exits(await cli(["models", "ls"], { env }), 3)
  exits(await cli(["run", task, "--mcp", "filesystem"], { env }), 3)
})

await suite.check("a model that is not there ends with 4", async () => {
  const result = await cli(["run", task, "--mcp", "filesystem", "--model", "no-such-model"])
  exits(result, 4)
  contains(result.stderr, "no-such-model")
})

await suite.check("a budget that ends the run ends with 5 and still prints the answer", async () => {
  const result = await cli(["run", task, "--mcp", "filesystem", "--max-rounds", "1"])
  exits(result, 5)
  expect(result.stdout.trim() !== "", "no answer was printed")
})

await suite.check("a required MCP server that does not start ends with 6", async () => {
  const result = await cli(["run", task, "--mcp", "broken"])
  exits(result, 6)
  contains(result.stderr, "broken")
})

await suite.check("--stand-in auto starts the stand-in, and the first line says what answers", async () => {
  const env = { LMSTUDIO_BASE_URL: `http://127.0.0.1:${await closedPort()}`, LMS_BRIDGE_LMS_BINARY: "none" }
  const result = await cli(["run", task, "--mcp", "filesystem", "--stand-in", "auto"], { env })
  exits(result, 0)
  const [first = ""] = result.stderr.split("\n")
  expect(first.includes("stand-in") && first.includes("not a language model"), `the first line is: ${first}`)
  contains(result.stdout, "spring fair")
})

// -----------------------------------------------------------------------------
// the MCP server, driven by the SDK's own client
// -----------------------------------------------------------------------------

const sdk = createRequire(inRoot("packages", "mcp-server", "package.json"))
const { Client } = sdk("@modelcontextprotocol/sdk/client/index.js")
const { StdioClientTransport } = sdk("@modelcontextprotocol/sdk/client/stdio.js")

const client = new Client({ name: "lms-bridge-smoke", version: "1.0.0" })
const protocolErrors = []
let connected = false
client.onerror = (error) => protocolErrors.push(error.message)

await suite.check("lms-bridge-mcp answers initialize", async () => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [serverFile],
    cwd: folder,
    env: { ...environment, ...lmStudio },
    stderr: "ignore"
  })
  await client.connect(transport)
  connected = true
  expect(
    client.getServerVersion()?.name === "lms-bridge",
    `it calls itself ${JSON.stringify(client.getServerVersion())}`
  )
})

await suite.check("lms-bridge-mcp offers its tools with their schemas", async () => {
  const { tools } = await client.listTools()
  const names = tools.map((tool) => tool.name)
  const expected = [
    "autonomous_with_mcp",
    "autonomous_with_multiple_mcps",
    "autonomous_discover_and_execute",
    "list_available_mcps",
    "lms_server_status",
    "lms_list_loaded_models",
    "lms_ensure_model_loaded",
    "lms_load_model",
    "lms_unload_model",
    "health_check",
    "list_models",
    "get_current_model",
    "chat_completion"
  ]
  const missing = expected.filter((name) => !names.includes(name))
  expect(missing.length === 0, `missing: ${missing.join(", ")}`)
  // tools of which the result is only prose list no schema of it
  const bare = tools.filter(
    (tool) => tool.inputSchema?.type !== "object" || (expected.includes(tool.name) && tool.outputSchema === undefined)
  )
  expect(bare.length === 0, `without schemas: ${bare.map((tool) => tool.name).join(", ")}`)
})

const textOf = (result) => result.content.map((part) => part.text ?? "").join("\n")

await suite.check("list_available_mcps tells of the configured servers", async () => {
  const result = await client.callTool({ name: "list_available_mcps", arguments: {} })
  expect(result.isError !== true, textOf(result))
  contains(textOf(result), "filesystem")
  expect(result.structuredContent !== undefined, "no structuredContent")
})

await suite.check("autonomous_with_mcp has the local model use a real server, and reports progress", async () => {
  const progress = []
  const result = await client.callTool(
    { name: "autonomous_with_mcp", arguments: { mcp_name: "filesystem", task } },
    undefined,
    { onprogress: (notification) => progress.push(notification), timeout: 60_000 }
  )
  expect(result.isError !== true, textOf(result))
  contains(textOf(result), "spring fair")
  expect(result.structuredContent !== undefined, "no structuredContent")
  expect(progress.length > 0, "no progress was reported")
})

await suite.check("a failure is an error with a stable tag and a sentence", async () => {
  const result = await client.callTool({ name: "autonomous_with_mcp", arguments: { mcp_name: "no-such-server", task } })
  expect(result.isError === true, `not an error: ${textOf(result)}`)
  contains(textOf(result), "no-such-server")
  contains(JSON.stringify(result), "_tag")
})

await suite.check("lms-bridge-mcp wrote nothing but protocol to stdout", async () => {
  expect(connected, "it was never reached")
  expect(protocolErrors.length === 0, protocolErrors.join("\n"))
})

await suite.check("lms-bridge-mcp ends when its input ends", async () => {
  expect(connected, "it was never reached")
  const started = performance.now()
  await client.close()
  const seconds = (performance.now() - started) / 1000
  // the SDK waits 2 s for the end of input to be enough before it sends a signal
  expect(seconds < 2, `it took ${seconds.toFixed(1)} s, so it had to be killed`)
})

await suite.check("the simulator ends in order on SIGTERM", async () => {
  expect(simulator !== undefined, "it never started")
  simulator.child.kill("SIGTERM")
  const timer = setTimeout(() => simulator.child.kill("SIGKILL"), 10_000)
  const ended = await simulator.exited
  clearTimeout(timer)
  expect(ended === 0 || ended === 143 || ended === "SIGTERM", `it ended with ${ended}`)
})

await suite.check("no process is left behind", async () => {
  if (process.platform !== "linux") return // there is no /proc to look into
  const left = () =>
    readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
      .flatMap((pid) => {
        try {
          if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)) return []
          return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`]
        } catch {
          return []
        }
      })
  for (let wait = 0; wait < 20 && left().length > 0; wait++) await new Promise((resolve) => setTimeout(resolve, 100))
  expect(left().length === 0, left().join("\n"))
})

rmSync(folder, { recursive: true, force: true })
process.exit(suite.finish())
