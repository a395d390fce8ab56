// What the page is tried against: a home with hundreds of kept runs, an MCP server, a scripted stand-in for LM Studio, the
// server with its page, and a wire that can be cut.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { inRoot, run } from "../workspace.mjs"

export const hostile = `<img src=x onerror="window.pwned=true"><script>window.pwned=true</script>`

export const long = "run_long".padEnd(20, "0")

const program = inRoot("packages/cli/dist/lms-bridge.js")
const models = ["qwen/qwen3-8b", "google/gemma-3-4b", "mistralai/mistral-7b-instruct-v0.3"]
const hour = 3_600_000

/** The replies of the model, in the order of the runs that `run.mjs` starts. */
const script = [
  { toolCalls: [{ name: "read_text_file", arguments: { path: "notes.md" } }] },
  { reasoning: "The file says it.", text: `The notes are about bees. ${hostile}` },
  {
    toolCalls: [
      {
        name: "edit_file",
        arguments: { path: "notes.md", edits: [{ oldText: "clover", newText: "clover and thyme" }] }
      }
    ]
  },
  { text: "The notes have thyme now." },
  { text: "One bee, two bees. ".repeat(400), pieceDelayMs: 40, chunking: { words: 2 } },
  { text: "Twelve flowers." },
  { text: "There were many bees." }
]

/** `close` ends everything that it started. */
export const makeWorld = async () => {
  const home = mkdtempSync(join(tmpdir(), "lms-bridge-page-"))
  symlinkSync(inRoot("node_modules/@modelcontextprotocol"), join(home, "servers"))
  const notes = join(home, "notes.md")
  writeFileSync(notes, "Bees like clover.\nThey live in hives.\n")
  writeFileSync(
    join(home, "mcp.json"),
    JSON.stringify({
      mcpServers: {
        files: {
          command: process.execPath,
          args: ["servers/server-filesystem/dist/index.js", "."]
        },
        memory: {
          command: process.execPath,
          args: ["servers/server-memory/dist/index.js"],
          disabled: true
        }
      }
    })
  )
  writeFileSync(join(home, "script.json"), JSON.stringify(script))
  keptRuns(join(home, ".lms-bridge", "runs"), 480)
  longRun(join(home, ".lms-bridge", "runs"))
  const children = []
  const end = async () => {
    const ended = children
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .map((child) => new Promise((resolve) => child.once("exit", resolve)))
    for (const child of children) child.kill()
    await Promise.all(ended)
    rmSync(home, { recursive: true, force: true })
  }
  const start = (args, env) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: home,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        MCP_JSON_PATH: join(home, "mcp.json"),
        LMS_BRIDGE_PROBE: "off",
        ...env
      },
      stdio: ["ignore", "pipe", "pipe"]
    })
    children.push(child)
    return child
  }
  const { guarded, ui, wire } = await running(start, join(home, "script.json")).catch(async (error) => {
    await end()
    throw error
  })
  return {
    notes,
    wire,
    /** What is wrong with a cassette; undefined where nothing is. */
    replay: async (text) => {
      writeFileSync(join(home, "cassette.jsonl"), text)
      const { code, stderr } = await run(process.execPath, [program, "replay", join(home, "cassette.jsonl")], {
        cwd: home,
        env: { HOME: home }
      })
      return code === 0 ? undefined : stderr
    },
    /** Through the wire. */
    link: link.exec(ui)[0].replace(/:\d+\//, `:${wire.port}/`),
    guarded: new URL("/", link.exec(guarded)[0]).href,
    close: async () => {
      wire.close()
      await end()
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const link = /http\S+#login=\S+/

/** The stand-in, the server that `ui` starts, one with a token, and the wire to the first. */
const running = async (start, file) => {
  const simulator = JSON.parse(await lineOf(start(["simulate", "--json", "--script", file]).stdout, /^\{/))
  const environment = { LMSTUDIO_BASE_URL: simulator.baseUrl, LMS_BRIDGE_LMS_BINARY: simulator.lmsBinary }
  const [ui, guarded] = await Promise.all([
    // one request at a time, so that the next one waits
    lineOf(start(["ui", "--no-open"], { ...environment, LMS_BRIDGE_MODEL_CONCURRENCY: "1" }).stderr, link),
    lineOf(start(["serve", "--http"], { ...environment, LMS_BRIDGE_HTTP_TOKEN: "the-right-token" }).stderr, link)
  ])
  const wire = await makeWire(Number(new URL(link.exec(ui)[0]).port))
  return { guarded, ui, wire }
}

const lineOf = (stream, wanted) =>
  new Promise((resolve, reject) => {
    const seen = []
    const lines = createInterface({ input: stream })
    lines.on("line", (line) => (wanted.test(line) ? resolve(line) : seen.push(line)))
    lines.once("close", () => reject(new Error(`a program ended early\n${seen.join("\n")}`)))
  })

/** A connection to the server that can be cut, and be away for a while. */
const makeWire = (port) =>
  new Promise((resolve) => {
    const open = new Set()
    let up = true
    const server = createServer((socket) => {
      if (!up) return socket.destroy()
      const other = connect(port, "127.0.0.1")
      for (const [one, to] of [
        [socket, other],
        [other, socket]
      ]) {
        open.add(one)
        one.pipe(to)
        one.on("error", () => to.destroy())
        one.on("close", () => {
          open.delete(one)
          to.destroy()
        })
      }
    })
    server.listen(0, "127.0.0.1", () =>
      resolve({
        port: server.address().port,
        cut: () => {
          up = false
          for (const socket of open) socket.destroy()
        },
        mend: () => (up = true),
        close: () => {
          server.close()
          for (const socket of open) socket.destroy()
        }
      })
    )
  })

/** Journals of runs over the last two weeks; the newest is one that would like to be markup. */
const keptRuns = (folder, count) => {
  mkdirSync(folder, { recursive: true })
  const now = Date.now()
  for (let n = 0; n < count; n++) {
    const at = now - 600_000 - Math.round((n / count) ** 2 * 13 * 24 * hour)
    const isHostile = n === 0
    const runId = `run_${String(n).padStart(16, "kept")}`
    const model = models[(n * 7) % 3]
    const text = isHostile ? hostile : `Summarize report ${count - n} and say what is new in it.`
    writeFileSync(
      join(folder, `${runId}.jsonl`),
      eventsOf({ runId, at, model, text, n, isHostile })
        .map((event, seq) => `${JSON.stringify({ ...event, runId, seq })}\n`)
        .join("")
    )
  }
}

/** A run of a thousand rounds, three weeks ago. */
const longRun = (folder) => {
  const at = Date.now() - 21 * 24 * hour
  const events = eventsOf({ at, model: models[0], text: "Walk through the whole archive.", n: 1, isHostile: false })
  const step = events.slice(3, -1)
  const round = (number) =>
    step.map((event) => ({
      ...event,
      at: event.at + number * 2000,
      ...("round" in event ? { round: number } : {}),
      ...("callId" in event ? { callId: `c${number}` } : {}),
      ...("reply" in event
        ? { reply: { ...event.reply, toolCalls: [{ ...event.reply.toolCalls[0], id: `c${number}` }] } }
        : {})
    }))
  const all = [...events.slice(0, 3), ...Array.from({ length: 1000 }, (_, n) => round(n + 1)).flat(), events.at(-1)]
  writeFileSync(
    join(folder, `${long}.jsonl`),
    all.map((event, seq) => `${JSON.stringify({ ...event, runId: long, seq })}\n`).join("")
  )
}

const eventsOf = ({ at, model, text, n, isHostile }) => {
  const name = isHostile ? hostile : "read_text_file"
  const usage = { inputTokens: 1500 + ((n * 137) % 2500), outputTokens: 90 + ((n * 53) % 400) }
  const millis = 4000 + ((n * 811) % 30_000)
  const status = n % 9 === 4 ? "failed" : n % 13 === 5 ? "budget" : "done"
  const call = { round: 1, server: "files", tool: name, isError: false, millis: 40 }
  const reply = {
    model,
    content: "",
    reasoning: "",
    toolCalls: [],
    finishReason: "stop",
    firstTokenMillis: 400,
    totalMillis: 1500,
    usage
  }
  return [
    {
      _tag: "RunStarted",
      at,
      task: { task: text, servers: { _tag: "All" }, model, budgets: { rounds: 50, wallMillis: hour, toolCalls: 200 } }
    },
    { _tag: "ServersReady", at: at + 300, ready: [{ server: isHostile ? hostile : "files", tools: 14 }], missing: [] },
    {
      _tag: "ToolsOffered",
      at: at + 310,
      offered: [name, "list_directory"],
      withheld: 3,
      estimatedTokens: 420,
      choice: {
        limits: { count: 2, tokens: 500 },
        ranked: [name, "list_directory", "search_files", "move_file", "write_file"]
      }
    },
    {
      _tag: "RoundStarted",
      at: at + 320,
      round: 1,
      final: false,
      account: { contextLength: 8192, system: 400, tools: 420, history: 90, reserve: 2048, free: 5234, measures: [] }
    },
    {
      _tag: "ModelReplied",
      at: at + 1900,
      round: 1,
      reply: { ...reply, toolCalls: [{ id: "c1", name, arguments: "{}" }], finishReason: "tool_calls" }
    },
    {
      _tag: "ToolCallStarted",
      at: at + 1910,
      callId: "c1",
      name,
      server: "files",
      tool: name,
      arguments: { path: isHostile ? hostile : "report.md" }
    },
    {
      _tag: "ToolCallFinished",
      at: at + 1950,
      callId: "c1",
      server: "files",
      tool: name,
      told: isHostile ? hostile : "Much is new. ".repeat(200),
      isError: false,
      bytes: 2600,
      millis: 40
    },
    {
      _tag: "RunFinished",
      at: at + millis,
      outcome: {
        status,
        answer: isHostile ? hostile : "Much is new in it.",
        cut: false,
        model,
        rounds: 2,
        toolCalls: [call],
        usage,
        millis,
        missingServers: [],
        ...(status === "failed" ? { problem: { tag: "ModelCrashed", message: "The model crashed." } } : {}),
        ...(status === "budget" ? { budget: "rounds" } : {})
      }
    }
  ]
}
