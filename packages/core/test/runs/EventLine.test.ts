import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import { decide } from "#src/agent/rules/Decide.ts"
import { rebuilt } from "#src/agent/rules/Evolve.ts"
import * as EventLine from "#src/runs/EventLine.ts"
import * as RunExplanation from "#src/runs/RunExplanation.ts"
import * as RunSummary from "#src/runs/RunSummary.ts"
import * as Transcript from "#src/runs/Transcript.ts"
import { Effect, Option } from "effect"
import { fileURLToPath } from "node:url"

/** Journals of real runs, written when the kinds of notes said what a run did. */
const recorded = {
  calls: [
    { _tag: "ArgumentsAskedFor", tool: "read" },
    { _tag: "SchemaUnusable", name: "odd" },
    { _tag: "RequestRepeated", why: "no-answer" },
    { _tag: "AskedAgain", why: "cut" },
    { _tag: "AskedAgain", why: "call-in-text" }
  ],
  "wrap-up": [{ _tag: "WrapUp" }],
  answer: [
    { _tag: "AskedAgain", why: "answer-not-valid" },
    { _tag: "AskedAgain", why: "answer-not-valid" }
  ],
  "schema-ignored": [
    { _tag: "RequestRepeated", why: "schema-ignored" },
    { _tag: "AskedAgain", why: "answer-not-valid" },
    { _tag: "AskedAgain", why: "answer-not-valid" }
  ],
  template: [{ _tag: "TemplateAnswered", way: "history" }],
  "tool-refused": [{ _tag: "ToolLeftOut", name: "read" }]
} as const

const linesOf = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* fs.readFileString(path.join(fileURLToPath(new URL("journals", import.meta.url)), `${name}.jsonl`))
  return text.split("\n").filter((line) => line !== "")
})

const newTags: ReadonlySet<AgentEvent["_tag"]> = new Set(
  Object.values(recorded).flatMap((events) => events.map(({ _tag }) => _tag))
)

describe("EventLine", () => {
  for (const [name, events] of Object.entries(recorded)) {
    it.effect(`translates the notes of earlier journals into today's events: ${name}`, () =>
      Effect.gen(function* () {
        const lines = yield* linesOf(name)
        const read = lines.flatMap((line) => EventLine.read(line) ?? [])
        assert.strictEqual(read.length, lines.length)
        const special = read.filter(({ _tag }) => newTags.has(_tag))
        assert.strictEqual(special.length, events.length)
        for (const [index, event] of events.entries()) assert.deepInclude(special[index], event)
        // no note has a kind that has become an event
        for (const event of read) {
          if (event._tag !== "Noted") continue
          assert.include(["excluded", "allowed", "tools-changed", "sampling"], event.kind)
          assert.notProperty(event, "toModel")
        }
        assert.deepStrictEqual(
          read.map((event) => EventLine.read(EventLine.write(event).trimEnd())),
          read
        )
      }).pipe(Effect.provide(NodeContext.layer))
    )

    it.effect(`leads the rules to the same end: ${name}`, () =>
      Effect.gen(function* () {
        const lines = yield* linesOf(name)
        const read = lines.flatMap((line) => EventLine.read(line) ?? [])
        let ends = 0
        for (const [index, event] of read.entries()) {
          if (event._tag !== "RunFinished") continue
          ends++
          const before = Option.getOrThrow(rebuilt(read.slice(0, index)))
          assert.deepStrictEqual(decide(before, before.startedAt + event.outcome.millis), {
            _tag: "Finish",
            outcome: event.outcome
          })
        }
        assert.strictEqual(ends, name === "wrap-up" ? 2 : 1)
        assert.deepStrictEqual(RunSummary.ofLines(lines), RunSummary.ofEvents(read))
      }).pipe(Effect.provide(NodeContext.layer))
    )
  }

  it.effect("shows the words of earlier notes without their kinds", () =>
    Effect.gen(function* () {
      const read = (yield* linesOf("calls")).flatMap((line) => EventLine.read(line) ?? [])
      const [started] = read
      assert(started?._tag === "RunStarted")
      const said = RunExplanation.explain(started, read).rounds.flatMap(({ events }) => events)
      assert.deepStrictEqual(
        said.map((text) => text.slice(0, 40)),
        [
          "told the model: Now write only the argum",
          'The schema of the tool "odd" cannot be u',
          "MCP server main changed its tools (new: ",
          "MCP server main asked the model a questi",
          "asked again: The reply was empty.",
          "told the model: Your reply was cut off b",
          'told the model: The tool "read" was not '
        ]
      )
      const text = Transcript.markdown(read)
      assert.include(text, "*lms-bridge: told the model:*\n\n    Your reply was cut off by the token limit.")
      assert.include(text, "*lms-bridge: asked again: The reply was empty.*")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it("leaves everything else unchanged", () => {
    for (const value of [
      undefined,
      7,
      { _tag: "WrapUp", text: "Now." },
      { _tag: "Noted", kind: "wrap-up", text: "without the field that all earlier notes had" },
      { _tag: "RunFailed", kind: "wrap-up", text: "x", toModel: true }
    ]) {
      assert.strictEqual(EventLine.translated(value), value)
    }
    assert.deepStrictEqual(EventLine.translated({ _tag: "Noted", kind: "odd: one", text: "x", toModel: false }), {
      _tag: "Noted",
      kind: "odd: one",
      text: "x"
    })
    assert.isUndefined(EventLine.read(""))
    assert.isUndefined(EventLine.read('{"_tag":"Noted","ki'))
  })
})
