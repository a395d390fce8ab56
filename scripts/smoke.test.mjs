// Runs the two built executables as a person and an MCP client would: against the simulator, with real MCP servers.
// `npm run smoke`; the tests build on each other and run in order.
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { afterAll, describe, expect, it } from "vitest"
import { officialServer } from "../bench/servers.mjs"
import { executables, inRoot, run } from "./workspace.mjs"

const [cliFile, serverFile] = executables.map(({ file }) => inRoot(file))
const folder = mkdtempSync(join(tmpdir(), "lms-bridge-smoke-"))
const files = inRoot("docs", "example", "files")
const task = 'Read the text file "notes.md" and say what it is about.'

// -----------------------------------------------------------------------------
// the environment of the executables
// -----------------------------------------------------------------------------

const mcpJson = join(folder, "mcp.json")
writeFileSync(
  mcpJson,
  JSON.stringify({
    mcpServers: {
      filesystem: officialServer("server-filesystem", files),
      everything: officialServer("server-everything"),
      broken: { command: join(folder, "no-such-program") },
      "lms-bridge": { command: process.execPath, args: [serverFile] }
    }
  })
)

// every process started here, and every process it starts, has this mark in its environment
const mark = { LMS_BRIDGE_SMOKE_MARK: `${process.pid}-${Math.random().toString(36).slice(2)}` }
const environment = { PATH: process.env.PATH, HOME: folder, MCP_JSON_PATH: mcpJson, ...mark }

const closedPort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** `lms-bridge simulate` in the background: its first line says where it listens. */
const startSimulator = () =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cliFile, "simulate", "--json"], {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"]
    })
    started = child
    let stderr = ""
    child.stderr.setEncoding("utf8").on("data", (chunk) => (stderr += chunk))
    const exited = new Promise((done) => child.once("exit", (code, signal) => done(code ?? signal)))
    void exited.then((code) => reject(new Error(`the simulator ended with ${code}\n${stderr}`)))
    createInterface({ input: child.stdout }).once("line", (line) => resolve({ child, exited, line }))
  })

let started
let lmStudio = { LMSTUDIO_BASE_URL: "http://127.0.0.1:1" }

const cli = (args, env = {}) =>
  run(process.execPath, [cliFile, ...args], {
    cwd: folder,
    // `run` adds to this process's environment, from which everything that may point to a real LM Studio is removed
    env: { ...cleared, ...environment, ...lmStudio, ...env },
    timeoutMillis: 60_000
  })

const cleared = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^(LMSTUDIO_|LMS_|LM_API_TOKEN|DEFAULT_MODEL|MCP_JSON_PATH)/.test(name))
    .map((name) => [name, undefined])
)

/** A command that exits with `code` and shows no stack trace. */
const exit = (code) => expect.objectContaining({ code, stderr: expect.not.stringMatching(/^\s+at .+:\d+:\d+/m) })

const exits = async (code, args, env) => {
  const result = await cli(args, env)
  expect(result).toEqual(exit(code))
  return result
}

const json = async (...args) => JSON.parse((await exits(0, [...args, "--json"])).stdout)

const withoutLmStudio = async () => ({
  LMSTUDIO_BASE_URL: `http://127.0.0.1:${await closedPort()}`,
  LMS_BRIDGE_LMS_BINARY: "none"
})

afterAll(() => {
  started?.kill("SIGKILL")
  rmSync(folder, { recursive: true, force: true })
})

let simulator

describe("lms-bridge", () => {
  it("--version prints the version and nothing else", async () => {
    const { version } = JSON.parse(readFileSync(inRoot("packages", "cli", "package.json"), "utf8"))
    expect((await exits(0, ["--version"])).stdout.trim()).toBe(version)
  })

  it("--help names every command", async () => {
    const { stdout } = await exits(0, ["--help"])
    for (const command of ["run", "models", "mcp", "doctor", "serve", "simulate"]) expect(stdout).toContain(command)
  })

  it("simulate starts the stand-in and says where it is", async () => {
    simulator = await startSimulator()
    const { baseUrl, lmsDirectory } = JSON.parse(simulator.line)
    expect([baseUrl, lmsDirectory]).toEqual([expect.any(String), expect.any(String)])
    lmStudio = { LMSTUDIO_BASE_URL: baseUrl, LMS_BRIDGE_LMS_BINARY: join(lmsDirectory, "lms") }
  })

  let model = ""
  it("models ls lists the models on disk", async () => {
    model = (await json("models", "ls")).find((entry) => entry.type === "llm").key
    expect(model).not.toBe("")
  })

  it("models load, ps and unload agree", async () => {
    await exits(0, ["models", "load", model])
    expect(JSON.stringify(await json("models", "ps"))).toContain(model)
    await exits(0, ["models", "unload", model])
    expect(JSON.stringify(await json("models", "ps"))).not.toContain(model)
  })

  it("models ensure loads a model once", async () => {
    await exits(0, ["models", "ensure", model])
    await exits(0, ["models", "ensure", model])
    expect(await json("models", "ps")).toHaveLength(1)
  })

  it("mcp ls shows the usable servers and leaves itself out", async () => {
    const state = Object.fromEntries((await json("mcp", "ls")).map((server) => [server.name, server.state]))
    expect(state).toMatchObject({ filesystem: "usable", "lms-bridge": "itself" })
  })

  it("mcp tools lists the tools of a real server", async () => {
    expect((await json("mcp", "tools", "everything")).map((tool) => tool.name)).toContain("echo")
  })

  it("mcp call runs a tool of a real server", async () => {
    const { stdout } = await exits(0, ["mcp", "call", "everything", "echo", '{"message":"smoke"}'])
    expect(stdout).toContain("Echo: smoke")
  })

  it("run answers on stdout with what a real tool returned", async () => {
    const { stderr, stdout } = await exits(0, ["run", task, "--mcp", "filesystem"])
    expect(stdout).toContain("spring fair")
    expect(stderr).toContain("read_text_file")
  })

  it("run --json writes one event per line, the outcome last", async () => {
    const { stdout } = await exits(0, ["run", task, "--mcp", "filesystem", "--json"])
    const events = stdout.trim().split("\n").map(JSON.parse)
    expect(events[0]).toMatchObject({ _tag: "RunStarted" })
    expect(events.at(-1)).toMatchObject({ _tag: "RunFinished", outcome: { status: "done" } })
    expect(events.filter((event) => event._tag === "ToolCallFinished" && !event.isError)).not.toEqual([])
  })

  it("doctor finds everything in order", async () => {
    const { stdout } = await cli(["doctor"])
    expect(stdout).toContain(lmStudio.LMSTUDIO_BASE_URL)
    expect(stdout).toContain("filesystem")
  })

  it("ends usage errors with 2", async () => {
    expect(await cli(["run", "--no-such-option"])).toEqual(exit(2))
  })

  it("ends with 3 when LM Studio is not there", async () => {
    const env = await withoutLmStudio()
    expect(await cli(["models", "ls"], env)).toEqual(exit(3))
    expect(await cli(["run", task, "--mcp", "filesystem"], env)).toEqual(exit(3))
  })

  it("ends with 4 when the model is not there", async () => {
    const { stderr } = await exits(4, ["run", task, "--mcp", "filesystem", "--model", "no-such-model"])
    expect(stderr).toContain("no-such-model")
  })

  it("ends with 5 when a budget ends the run, and still prints the answer", async () => {
    const { stdout } = await exits(5, ["run", task, "--mcp", "filesystem", "--max-rounds", "1"])
    expect(stdout.trim()).not.toBe("")
  })

  it("ends with 6 when a required MCP server does not start", async () => {
    expect((await exits(6, ["run", task, "--mcp", "broken"])).stderr).toContain("broken")
  })

  it("--stand-in auto starts the stand-in, and the first line says what answers", async () => {
    const env = await withoutLmStudio()
    const { stderr, stdout } = await exits(0, ["run", task, "--mcp", "filesystem", "--stand-in", "auto"], env)
    expect(stderr.split("\n")[0]).toMatch(/stand-in.*not a language model/)
    expect(stdout).toContain("spring fair")
  })
})

describe("lms-bridge-mcp, with the SDK's own client,", () => {
  const client = new Client({ name: "lms-bridge-smoke", version: "1.0.0" })
  const protocolErrors = []
  client.onerror = (error) => protocolErrors.push(error.message)

  const call = async (name, args, options) => {
    const {
      content,
      isError = false,
      structuredContent
    } = await client.callTool({ name, arguments: args }, undefined, options)
    return { isError, text: content.map((part) => part.text ?? "").join("\n"), structuredContent }
  }

  it("answers initialize", async () => {
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [serverFile],
        cwd: folder,
        env: { ...environment, ...lmStudio },
        stderr: "ignore"
      })
    )
    expect(client.getServerVersion()?.name).toBe("lms-bridge")
  })

  it("offers its tools with their schemas", async () => {
    const { tools } = await client.listTools()
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
    expect(tools.map((tool) => tool.name)).toEqual(expect.arrayContaining(expected))
    // tools whose result is only prose list no schema for it
    const bare = tools.filter(
      (tool) => tool.inputSchema?.type !== "object" || (expected.includes(tool.name) && tool.outputSchema === undefined)
    )
    expect(bare.map((tool) => tool.name)).toEqual([])
  })

  it("lists the configured servers", async () => {
    expect(await call("list_available_mcps", {})).toEqual({
      isError: false,
      text: expect.stringContaining("filesystem"),
      structuredContent: expect.anything()
    })
  })

  it("has the local model use a real server, and reports progress", async () => {
    const progress = []
    const onprogress = (notification) => progress.push(notification)
    const args = { mcp_name: "filesystem", task }
    expect(await call("autonomous_with_mcp", args, { onprogress, timeout: 60_000 })).toEqual({
      isError: false,
      text: expect.stringContaining("spring fair"),
      structuredContent: expect.anything()
    })
    expect(progress).not.toEqual([])
  })

  it("reports a failure as an error with a stable tag and a sentence", async () => {
    const result = await call("autonomous_with_mcp", { mcp_name: "no-such-server", task })
    expect(result).toMatchObject({ isError: true, text: expect.stringContaining("no-such-server") })
    expect(JSON.stringify(result)).toContain("_tag")
  })

  it("writes nothing but protocol to stdout", () => {
    expect(client.transport, "it was never reached").toBeDefined()
    expect(protocolErrors).toEqual([])
  })

  it("ends when its input ends", async () => {
    expect(client.transport, "it was never reached").toBeDefined()
    const started = performance.now()
    await client.close()
    // the SDK sends a signal if the end of input was not enough for 2 s
    expect(performance.now() - started).toBeLessThan(2000)
  })
})

describe("at the end", () => {
  it("the simulator exits on SIGTERM", async () => {
    simulator.child.kill("SIGTERM")
    expect([0, 143, "SIGTERM"]).toContain(await simulator.exited)
  })

  // elsewhere there is no /proc to look into
  it.skipIf(process.platform !== "linux")("no process is left behind", async () => {
    const [[name, value]] = Object.entries(mark)
    const left = () =>
      readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
        .flatMap((pid) => {
          try {
            if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${name}=${value}`)) return []
            return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`]
          } catch {
            return []
          }
        })
    await expect.poll(left, { timeout: 2000, interval: 100 }).toEqual([])
  })
})
