import * as ChatLine from "#src/commands/chat/ChatLine.ts"
import { assert, describe, it } from "@effect/vitest"
import { type AgentEvent, type AgentEventBody, stamp } from "@lms-bridge/core/AgentEvent"
import type { AgentLoop, AgentTask } from "@lms-bridge/core/AgentLoop"
import { ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import { RunId } from "@lms-bridge/core/RunJournal"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { type Context, Effect, Option, Stream } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { cli, type Doubles } from "../../OverDoubles.ts"

/** A loop that answers each task with its words in capitals, or ends as `ends` says; and what it was asked. */
const listening = (ends: ReadonlyArray<Effect.Effect<never> | undefined> = []) => {
  const asked: Array<AgentTask> = []
  const resumed: Array<string> = []
  const events = (task: AgentTask, id: string): ReadonlyArray<AgentEvent> =>
    (
      [
        { _tag: "RunStarted", task },
        { _tag: "ToolsOffered", offered: ["a__look"], withheld: 0, estimatedTokens: 12 },
        {
          _tag: "RoundStarted",
          round: 1,
          final: false,
          account: { contextLength: 4096, system: 100, tools: 12, history: 9, reserve: 512, free: 3463, measures: [] }
        },
        { _tag: "ToolCallStarted", callId: "1", name: "a__look", server: "a", tool: "look", arguments: {} },
        { _tag: "RunFinished", outcome: { ...AgentLoopTest.outcome(task.task.toUpperCase()), model: "test/model" } }
      ] satisfies ReadonlyArray<AgentEventBody>
    ).map((body, seq) => stamp(body, RunId.make(id), seq, 1000 * seq))
  const agentLoop: Context.Tag.Service<AgentLoop> = {
    check: () => Effect.void,
    cancel: () => Effect.void,
    begin: () => Effect.succeed(RunId.make("run_begun")),
    run: (task) => {
      asked.push(task)
      const all = events(task, `run_${asked.length}`)
      const end = ends[asked.length - 1]
      return end === undefined
        ? Stream.fromIterable(all)
        : Stream.concat(Stream.fromIterable(all.slice(0, 4)), Stream.fromEffect(end))
    },
    resume: (runId) => {
      resumed.push(runId)
      return Stream.fromIterable(events({ task: "resumed", servers: { _tag: "None" }, budgets }, runId))
    }
  }
  return { agentLoop, asked, resumed }
}

const budgets = { rounds: 9, wallMillis: 1000, toolCalls: 9 }

const data = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "lms-bridge-chat-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const talk = Effect.fnUntraced(function* (
  typed: ReadonlyArray<string>,
  doubles: Doubles = {},
  args: ReadonlyArray<string> = []
) {
  const dataDir = yield* data
  const { agentLoop, asked, resumed } = listening()
  const result = yield* cli(["chat", ...args], {
    agentLoop,
    lifecycle: {
      resolve: (name) =>
        name === "nope"
          ? Effect.fail(new ModelNotFound({ model: "nope", available: ["test/model"], nearest: ["test/model"] }))
          : Effect.succeed(name ?? "test/model")
    },
    ...doubles,
    settings: { dataDir: Option.some(dataDir), ...doubles.settings },
    screen: { typed, ...doubles.screen }
  })
  return { ...result, asked, resumed, dataDir }
})

describe("chat", () => {
  it.scoped("gives each reply the memory of the one before", () =>
    Effect.gen(function* () {
      const { asked, code, err, out } = yield* talk(["My name is Anna.", "", "Who am I?"])
      assert.strictEqual(code, 0)
      assert.strictEqual(out, "MY NAME IS ANNA.\nWHO AM I?")
      assert.deepStrictEqual(
        asked.map(({ follows, task }) => [task, follows?.run]),
        [
          ["My name is Anna.", undefined],
          ["Who am I?", "run_1"]
        ]
      )
      assert.match(err, /Go on later with: lms-bridge chat --continue run_2$/)
    })
  )

  it.scoped("shows the life of the first reply whole, and of later ones only what happens", () =>
    Effect.gen(function* () {
      const { err } = yield* talk(["One.", "Two."])
      assert.strictEqual(err.match(/1 offered/g)?.length, 1)
      assert.strictEqual(err.match(/→ a look/g)?.length, 2)
    })
  )

  it.scoped("changes model, tools and approvals for the replies that come", () =>
    Effect.gen(function* () {
      const { asked, err } = yield* talk([
        "/model other/model",
        "/mcp a,b",
        "/tools look, read_*",
        "/approve write_file",
        "Go.",
        "/tools all",
        "/context",
        "Again."
      ])
      assert.deepInclude(asked[0], {
        model: "other/model",
        servers: { _tag: "Named", names: ["a", "b"] },
        allowedTools: ["look", "read_*"],
        approvedTools: ["write_file"]
      })
      assert.isUndefined(asked[1]?.allowedTools)
      assert.match(
        err,
        /4096 tokens of context: 100 for the system message, 12 for tools, 9 for the conversation, 512 kept for the reply, 3463 free\./
      )
    })
  )

  it.scoped("goes on after anything that is wrong", () =>
    Effect.gen(function* () {
      const { asked, code, err } = yield* talk([
        "/modle x",
        "/model nope",
        "/mcp nowhere",
        "/save",
        "/resume",
        "^C",
        "Go."
      ])
      assert.strictEqual(code, 0)
      assert.strictEqual(asked.length, 1)
      assert.match(err, /There is no command \/modle\. Did you mean \/model\?/)
      assert.match(err, /no model "?nope/)
      assert.match(err, /nowhere/)
      assert.match(err, /Name a file: \/save FILE\./)
      assert.match(err, /There is no reply that was stopped\./)
      assert.match(err, /Ctrl-D or \/exit ends the chat\./)
      assert.isUndefined(asked[0]?.model)
    })
  )

  it.scoped("stops a reply and not the chat, and takes the reply up again", () =>
    Effect.gen(function* () {
      const { agentLoop, asked, resumed } = listening([Effect.interrupt])
      const { code, err, out } = yield* talk(["Count.", "/resume", "And now?"], { agentLoop })
      assert.strictEqual(code, 0)
      assert.match(err, /Stopped\. \/resume goes on; or say something else\./)
      assert.deepStrictEqual(resumed, ["run_1"])
      assert.strictEqual(out, "RESUMED\nAND NOW?")
      assert.strictEqual(asked[1]?.follows?.run, "run_1")
    })
  )

  it.scoped("goes on after a reply that fails", () =>
    Effect.gen(function* () {
      const { agentLoop, asked } = listening()
      const failing: typeof agentLoop = {
        ...agentLoop,
        run: (task) =>
          task.task === "fail"
            ? Stream.fail(new ModelNotFound({ model: "gone", available: [], nearest: [] }))
            : agentLoop.run(task)
      }
      const { code, err } = yield* talk(["fail", "Go."], { agentLoop: failing })
      assert.strictEqual(code, 0)
      assert.match(err, /^lms-bridge: .*gone/m)
      assert.deepStrictEqual(
        asked.map(({ follows }) => follows),
        [undefined]
      )
    })
  )

  it.scoped("writes the conversation to a new file, and never over one that is there", () =>
    Effect.gen(function* () {
      const folder = yield* data
      const file = join(folder, "talk.md")
      const { err } = yield* talk(["Hello.", `/save ${file}`, "More.", `/save ${file}`])
      assert.strictEqual(
        readFileSync(file, "utf8"),
        "## You\n\nHello.\n\n## test/model\n\n*Called a look.*\n\nHELLO.\n"
      )
      assert.match(err, /talk\.md is there already\. Name another file\./)
    })
  )

  it.scoped("keeps what was typed for the arrow keys of later chats", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* talk(["Hello.", "/help", "two\nlines"])
      assert.strictEqual(
        readFileSync(join(dataDir, "chat", "history.jsonl"), "utf8"),
        '"Hello."\n"/help"\n"two\\nlines"\n'
      )
    })
  )

  it.scoped("ends with /exit, and says nothing of a chat in which nothing was said", () =>
    Effect.gen(function* () {
      const { asked, err } = yield* talk(["/exit", "Never."])
      assert.deepStrictEqual([asked.length, err.includes("Go on later")], [0, false])
    })
  )

  it.scoped("refuses a wrong model before anything is typed", () =>
    Effect.gen(function* () {
      const { asked, code } = yield* talk(["Hello."], {}, ["--model", "nope"])
      assert.deepStrictEqual([asked.length, code], [0, 4])
    })
  )
})

describe("a line of a chat", () => {
  it("is words, unless it begins with a command", () => {
    const text = (line: string) => {
      const read = ChatLine.read(line)
      return read._tag === "Say" ? read.text : read._tag
    }
    assert.deepStrictEqual(
      ["hello", "//model is a word", "/home/me/x is a path", "/ ", "  ", "/nonsense", "a /model b"].map(text),
      ["hello", "/model is a word", "/home/me/x is a path", "/", "Nothing", "Unknown", "a /model b"]
    )
  })
  it("takes a command by its first letters, where only one begins with them", () => {
    const command = (line: string) => {
      const read = ChatLine.read(line)
      return read._tag === "Do" ? `${read.command}|${read.argument}` : read._tag
    }
    assert.deepStrictEqual(["/mo x y", "/m", "/QUIT", "/?", "/con", "/save  a b.md "].map(command), [
      "model|x y",
      "Unknown",
      "exit|",
      "help|",
      "context|",
      "save|a b.md"
    ])
  })
  it("is completed by the TAB key", () => {
    assert.deepStrictEqual(ChatLine.completions("/m"), ["/model ", "/mcp "])
    assert.deepStrictEqual(ChatLine.completions("m"), [])
  })
})
