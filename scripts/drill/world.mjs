// The team of the drill: a database, one stand-in for LM Studio for each worker, and the program as people start it.
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { fork, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inRoot } from "../workspace.mjs"
import { makeLink } from "./link.mjs"

const program = inRoot("packages/cli/dist/lms-bridge.js")

export const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

let usual = 60

export const eventually = async (what, holds, seconds = usual) => {
  for (const end = Date.now() + seconds * 1000; ;) {
    const found = await holds()
    if (found) return found
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`)
    await sleep(100)
  }
}

/** `seconds`: how long anything may take. Without a database there is one machine. */
export const makeWorld = async (postgres, seconds) => {
  usual = seconds
  const folder = mkdtempSync(join(tmpdir(), "lms-bridge-drill-"))
  const effects = join(folder, "effects")
  writeFileSync(effects, "")
  const mcpJson = join(folder, "mcp.json")
  const entry = {
    command: process.execPath,
    args: [inRoot("scripts/drill/server.mjs")],
    env: { DRILL_EFFECTS: effects }
  }
  writeFileSync(mcpJson, JSON.stringify({ mcpServers: { drill: entry } }))
  const children = new Set()
  const open = []

  const link = async (port) => {
    const made = await makeLink(port)
    open.push(made)
    return made
  }

  const simulator = (env = {}) =>
    new Promise((resolve, reject) => {
      const child = fork(inRoot("scripts/drill/simulator.mjs"), {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        env: { ...process.env, TMPDIR: folder, ...env }
      })
      children.add(child)
      child.once("message", (found) => resolve({ ...found, child }))
      child.once("exit", (code) => reject(new Error(`the stand-in ended with ${code}`)))
    })

  const envOf = (home, lmStudio) => ({
    PATH: process.env.PATH,
    HOME: home,
    USER: "drill",
    MCP_JSON_PATH: mcpJson,
    LMS_BRIDGE_DATA_DIR: join(home, "data"),
    LMS_BRIDGE_PROBE: "off",
    ...(postgres === undefined ? {} : { LMS_BRIDGE_DATABASE_URL: postgres.url }),
    LMS_BRIDGE_QUEUE_LEASE: "4s",
    LMS_BRIDGE_QUEUE_PATIENCE: "0s",
    LMS_BRIDGE_METRICS_OPEN: "1",
    ...(lmStudio === undefined
      ? { LMSTUDIO_BASE_URL: "http://127.0.0.1:9", LMS_BRIDGE_LMS_BINARY: "none" }
      : { LMSTUDIO_BASE_URL: lmStudio.baseUrl, LMS_BRIDGE_LMS_BINARY: lmStudio.lmsBinary })
  })

  const start = (args, env) => {
    const before = env.DRILL_CLOCK_SKEW === undefined ? [] : ["--import", inRoot("scripts/drill/skew.mjs")]
    const child = spawn(process.execPath, [...before, program, ...args], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"]
    })
    children.add(child)
    const said = { out: "", err: "" }
    child.stdout.on("data", (chunk) => (said.out += chunk))
    child.stderr.on("data", (chunk) => (said.err += chunk))
    const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, ...said })))
    return { child, said, ended, kill: (signal) => (child.kill(signal), signal === "SIGSTOP" ? undefined : ended) }
  }

  const home = (name) => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    return path
  }

  let count = 0
  /** `links`: the worker reaches its LM Studio and the database over a network that can be cut. */
  const worker = async ({ slots = 2, env = {}, links: isLinked = false, lmStudio: given } = {}) => {
    const name = `w${++count}`
    const lmStudio = given ?? (await simulator())
    const links = isLinked
      ? { database: await link(postgres.port), lmStudio: await link(Number(new URL(lmStudio.baseUrl).port)) }
      : undefined
    const over = links && {
      LMSTUDIO_BASE_URL: `http://127.0.0.1:${links.lmStudio.port}`,
      LMS_BRIDGE_LMS_BINARY: "none",
      LMS_BRIDGE_DATABASE_URL: postgres.urlAt(links.database.port)
    }
    const started = start(["worker", "--drain", "10s"], {
      ...envOf(home(name), lmStudio),
      LMS_BRIDGE_HOST_NAME: name,
      LMS_BRIDGE_HOST_SLOTS: String(slots),
      ...over,
      ...env
    })
    await eventually(`${name} takes runs`, () => {
      if (started.child.exitCode !== null) throw new Error(started.said.err)
      return started.said.err.includes("takes runs")
    })
    return { name, lmStudio, links, ...started }
  }

  const cli = (...args) => start(args, envOf(home("front"))).ended
  const submit = async (task, ...options) => {
    const { code, err, out } = await cli("submit", task, "--mcp", "drill", ...options)
    if (code !== 0) throw new Error(`submit ended with ${code}: ${err}`)
    return out.trim()
  }
  const stateOf = async (runId) => {
    const [[state, worker, status, asked] = []] = await postgres.rows(
      `select state, worker, status, asked from lms_runs where run_id = '${runId}'`
    )
    return { state, worker, status, asked }
  }

  /** `serve` with an MCP client, whose person answers each question as `answerOf` says. */
  const front = async (name, { answerOf = () => "Allow once", env = {}, lmStudio } = {}) => {
    const client = new Client({ name, version: "1" }, { capabilities: { elicitation: {} } })
    const questions = []
    client.setRequestHandler(ElicitRequestSchema, ({ params: { message } }) => {
      questions.push(message)
      return { action: "accept", content: { answer: answerOf(message) } }
    })
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [program, "serve"],
      env: Object.fromEntries(
        Object.entries({ ...envOf(home(name), lmStudio), ...env }).filter(([, value]) => value !== undefined)
      ),
      stderr: "ignore"
    })
    await client.connect(transport)
    return {
      questions,
      pid: transport.pid,
      /** The structured result, and its text. */
      call: async (tool, given, timeout = 60_000) => {
        const { content, isError, structuredContent } = await client.callTool(
          { name: tool, arguments: given },
          undefined,
          { timeout }
        )
        return { ...structuredContent, isError, text: content.map(({ text }) => text ?? "").join("\n") }
      },
      close: () => client.close()
    }
  }

  /** What an MCP client of `serve` gets for a task. */
  const delegate = async (task) => {
    const client = await front("client")
    const { text } = await client.call("autonomous_with_mcp", { mcp_name: "drill", task })
    await client.close()
    return text
  }

  return {
    folder,
    effectsFile: effects,
    home,
    link,
    cliWith: (env, ...args) => start(args, { ...envOf(home("front")), ...env }).ended,
    worker,
    simulator,
    front,
    delegate,
    cli,
    start: (...args) => start(args, envOf(home("front"))),
    submit,
    stateOf,
    file: (name, text) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    },
    /** Lines such as `begin note r1 0`. */
    effects: () =>
      readFileSync(effects, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    until: (runId, state, seconds) =>
      eventually(
        `${runId} is ${state}`,
        async () => ((await stateOf(runId)).state === state ? stateOf(runId) : false),
        seconds
      ),
    /** How often the run has asked. */
    asked: async (runId) =>
      Number(
        (
          await postgres.rows(`select count(*) from lms_run_events where run_id = '${runId}' and tag = 'ApprovalAsked'`)
        )[0][0]
      ),
    close: async () => {
      for (const link of open) link.close()
      for (const child of children) {
        child.kill("SIGCONT")
        child.kill("SIGKILL")
      }
      await sleep(300)
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}
