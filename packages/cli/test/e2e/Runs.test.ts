import { assert, describe, it } from "@effect/vitest"
import { type AgentEvent, AgentEventJson } from "@lms-bridge/core/AgentEvent"
import { FileSystem } from "@effect/platform"
import { Effect, Schema } from "effect"
import { fileURLToPath } from "node:url"
import { closedAddress, patience, platform, processesAtHome, serverProgram, world } from "./Harness.ts"

const decode = Schema.decodeSync(AgentEventJson)

const eventsIn = (stdout: string): ReadonlyArray<AgentEvent> =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => decode(line))

const only = <Tag extends AgentEvent["_tag"]>(events: ReadonlyArray<AgentEvent>, tag: Tag) =>
  events.filter((event): event is Extract<AgentEvent, { readonly _tag: Tag }> => event._tag === tag)

const generated = fileURLToPath(new URL("manyTools.mjs", import.meta.url))

/** One call that is finished, and one that is not when the process is killed. */
const twoCalls = ["1", "2"].map((id) => ({ toolCalls: [{ name: "create_ticket", arguments: { id } }] }))

const longAnswer = Array.from({ length: 400 }, (_, index) => `word${index}`).join(" ")

describe("a run that was killed with kill -9", () => {
  it.scopedLive(
    "resumes without repeating finished calls, and repeats a call that may have taken effect only if allowed",
    () =>
      Effect.gen(function* () {
        const { home, run, simulator, start } = yield* world
        const fs = yield* FileSystem.FileSystem
        const [calls, mcpJson] = [`${home}/calls`, `${home}/tickets.json`]
        const env = { CALLS: calls, DELAY: "1500" }
        const tickets = { command: process.execPath, args: [generated, "tickets", "8"], env }
        yield* fs.writeFileString(mcpJson, JSON.stringify({ mcpServers: { tickets } }))
        const resume = (...args: ReadonlyArray<string>) =>
          run(["runs", "resume", "last", "--json", ...args], { MCP_JSON_PATH: mcpJson })
        const arrived = Effect.orElseSucceed(fs.readFileString(calls), () => "")
        const killed = Effect.gen(function* () {
          yield* fs.writeFileString(calls, "")
          yield* simulator.control.scriptModel(twoCalls)
          const program = yield* start(["run", "Open two tickets.", "--mcp", "tickets", "--json"], {
            MCP_JSON_PATH: mcpJson
          })
          yield* Effect.repeat(Effect.delay(arrived, "20 millis"), {
            until: (text) => text.includes("create_ticket 2")
          })
          program.child.kill("SIGKILL")
          yield* program.ended
          // the guard ends the servers of a program that was killed
          yield* Effect.repeat(
            Effect.delay(
              Effect.sync(() => processesAtHome(home).length),
              "50 millis"
            ),
            { until: (count) => count === 0 }
          )
          yield* simulator.control.scriptModel([{ text: "As far as I know." }])
        })

        yield* killed
        const listed = JSON.parse((yield* run(["runs", "ls", "--json"])).stdout)
        assert.deepInclude(listed[0], { status: "unfinished", task: "Open two tickets." })
        const alone = yield* resume()
        assert.strictEqual(alone.code, 0, alone.stderr)
        const events = eventsIn(alone.stdout)
        assert.strictEqual(events[0]?._tag, "RunResumed")
        const [refused] = only(events, "ToolCallRefused")
        assert.strictEqual(refused?.by, "nobody")
        assert.match(refused?.told ?? "", /whether it took effect is not known/)
        const outcome = only(events, "RunFinished")[0]?.outcome
        assert.deepInclude(outcome, { status: "done", answer: "As far as I know." })
        assert.deepStrictEqual(
          outcome?.toolCalls.map(({ uncertain }) => uncertain),
          [undefined, true]
        )
        assert.strictEqual(yield* arrived, "create_ticket 1\ncreate_ticket 2\n")
        const whole = eventsIn((yield* run(["runs", "show", "last", "--transcript", "--json"])).stdout)
        assert.strictEqual(new Set(whole.map(({ seq }) => seq)).size, whole.length)

        yield* killed
        const consented = eventsIn((yield* resume("--yes")).stdout)
        assert.strictEqual(only(consented, "ApprovalAsked").length, 1)
        assert.deepStrictEqual(
          only(consented, "ToolCallFinished").map(({ isError, told }) => [told, isError]),
          [["create_ticket is done.", false]]
        )
        assert.strictEqual(yield* arrived, "create_ticket 1\ncreate_ticket 2\ncreate_ticket 2\n")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})

describe("a run that a budget or a person stopped", () => {
  it.scopedLive(
    "continues with the command that its ending suggests",
    () =>
      Effect.gen(function* () {
        const { notes, run, simulator, start } = yield* world
        const reads = { toolCalls: [{ name: "read_text_file", arguments: { path: `${notes}/bees.md` } }] }
        const goOn = (stderr: string) =>
          /Continue with: node \S+lms-bridge\.js (.*)$/m.exec(stderr)?.[1]?.split(" ") ?? assert.fail(stderr)
        yield* simulator.control.scriptModel([reads, { text: "Something about bees." }])
        const ended = yield* run(["run", "What do bees like?", "--mcp", "filesystem", "--max-rounds", "1"])
        assert.deepStrictEqual([ended.code, ended.stdout], [5, "Something about bees.\n"], ended.stderr)
        assert.include(ended.stderr, "its 1 round is used up; this is the best answer so far.")
        yield* simulator.control.scriptModel([{ text: "Clover." }])
        const more = yield* run(goOn(ended.stderr))
        assert.deepStrictEqual([more.code, more.stdout], [0, "Clover.\n"], more.stderr)

        yield* simulator.control.scriptModel([reads, { text: longAnswer, pieceDelayMs: 100 }])
        const program = yield* start(["run", "Again.", "--mcp", "filesystem", "--json"])
        yield* program.untilStdout((text) => text.includes('"_tag":"TextDelta"'))
        const other = yield* run(["runs", "resume", "last"])
        assert.match(other.stderr, /is still in progress in process \d+/)
        program.child.kill("SIGINT")
        assert.strictEqual((yield* program.ended).code, 130)
        yield* simulator.control.scriptModel([{ text: "There." }])
        const again = yield* run(["runs", "resume", "last", "--explain"])
        assert.deepStrictEqual([again.code, again.stdout], [0, "There.\n"], again.stderr)
        assert.match(again.stderr, /^round 1 +\d+ tokens of instructions, /m)
        assert.match(again.stderr, /^ +calls: read_text_file$/m)

        yield* simulator.control.scriptModel([{ text: "Yes, clover.", expect: { lastMessageContains: "Sure?" } }])
        const followed = yield* run(["runs", "follow", "last", "Sure?"])
        assert.deepStrictEqual([followed.code, followed.stdout], [0, "Yes, clover.\n"], followed.stderr)
        assert.include(JSON.stringify((yield* simulator.control.seen).problems), "[]")
        const removed = yield* run(["runs", "rm", "--all", "--yes"])
        assert.strictEqual(removed.stdout.trimEnd().split("\n").length, 3, removed.stderr)
      }).pipe(Effect.provide(platform)),
    patience
  )
})

describe("a recording", () => {
  it.scopedLive(
    "is replayed without a model and without servers",
    () =>
      Effect.gen(function* () {
        const { home, notes, run } = yield* world
        const fs = yield* FileSystem.FileSystem
        const tape = `${home}/tape.jsonl`
        const task = `Read the text file "${notes}/bees.md" and say what it is about.`
        const recorded = yield* run(["run", task, "--mcp", "filesystem", "--record", tape])
        assert.strictEqual(recorded.code, 0, recorded.stderr)
        const nothing = {
          LMSTUDIO_BASE_URL: yield* closedAddress,
          LMS_BRIDGE_LMS_BINARY: "none",
          MCP_JSON_PATH: "/none"
        }
        const played = yield* run(["replay", tape], nothing)
        assert.deepStrictEqual([played.code, played.stdout], [0, recorded.stdout], played.stderr)
        yield* fs.writeFileString(tape, (yield* fs.readFileString(tape)).replaceAll("like clover", "hate clover"))
        const other = yield* run(["replay", tape], nothing)
        assert.strictEqual(other.code, 0, other.stderr)
        yield* fs.writeFileString(tape, (yield* fs.readFileString(tape)).replace('bees.md\\"}', 'wasps.md\\"}'))
        const different = yield* run(["replay", tape], nothing)
        assert.strictEqual(different.code, 1)
        assert.match(different.stderr, /It made a call that is not recorded: filesystem read_text_file .*wasps\.md/)
      }).pipe(Effect.provide(platform)),
    patience
  )
})

describe("a hundred tools of six servers", () => {
  it.scopedLive(
    "leave a model with a context of 4096 tokens the room to do the task",
    () =>
      Effect.gen(function* () {
        const { home, notes, run } = yield* world
        const fs = yield* FileSystem.FileSystem
        const node = (...args: ReadonlyArray<string>) => ({ command: process.execPath, args })
        const many = `${home}/many.json`
        const mcpServers = {
          filesystem: node(serverProgram("filesystem"), notes),
          memory: { ...node(serverProgram("memory")), env: { MEMORY_FILE_PATH: `${home}/memory.json` } },
          everything: node(serverProgram("everything"), "stdio"),
          thinking: node(serverProgram("sequential-thinking")),
          tickets: node(generated, "tickets", "40"),
          sales: node(generated, "sales", "32")
        }
        yield* fs.writeFileString(many, JSON.stringify({ mcpServers }))
        const task = `Read the text file "${notes}/bees.md" and say what it is about.`
        const { code, stderr, stdout } = yield* run(["run", task, "--all-mcps", "--json"], {
          MCP_JSON_PATH: many,
          LMS_BRIDGE_CONTEXT_LENGTH: "own"
        })
        assert.strictEqual(code, 0, stderr)
        const events = eventsIn(stdout)
        const [servers] = only(events, "ServersReady")
        const tools = servers?.ready.reduce((sum, ready) => sum + ready.tools, 0) ?? 0
        assert.strictEqual(servers?.ready.length, 6)
        assert.isAtLeast(tools, 97)
        const [offer] = only(events, "ToolsOffered")
        assert.isAtMost(offer?.offered.length ?? tools, 17)
        assert.includeMembers([...(offer?.offered ?? [])], ["find_tools", "filesystem__read_text_file"])
        for (const { account } of only(events, "RoundStarted")) {
          assert.strictEqual(account?.contextLength, 4096)
          assert.isAtLeast(account?.free ?? -1, 0)
          assert.isAtLeast(account?.reserve ?? 0, 1024)
        }
        for (const { reply } of only(events, "ModelReplied")) assert.isBelow(reply.usage?.inputTokens ?? 4096, 3072)
        const outcome = only(events, "RunFinished")[0]?.outcome
        assert.strictEqual(outcome?.status, "done")
        assert.include(outcome?.answer, "clover")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})
