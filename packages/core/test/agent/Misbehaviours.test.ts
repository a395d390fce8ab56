import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as World from "./doubles.ts"
import { calls } from "./misbehaviours/calls.ts"
import { playedOf, type Misbehaviour } from "./misbehaviours/Misbehaviour.ts"
import { refusals } from "./misbehaviours/refusals.ts"
import { streams } from "./misbehaviours/streams.ts"
import { tools } from "./misbehaviours/tools.ts"
import { words } from "./misbehaviours/words.ts"

const sections: ReadonlyArray<readonly [string, ReadonlyArray<Misbehaviour>]> = [
  ["Calls of the model", calls],
  ["Words of the model, and the engine beneath it", words],
  ["Streams", streams],
  ["Tools and their servers", tools],
  ["What LM Studio and chat templates refuse", refusals]
]

const play = Effect.fnUntraced(function* ({ task, wait }: Misbehaviour) {
  const fiber = yield* Effect.fork(World.run(World.task(task)))
  if (wait !== undefined) yield* TestClock.adjust(wait)
  const events = yield* Fiber.join(fiber)
  const { calls, open, requests } = yield* World.Seen
  assert.deepStrictEqual(open, [])
  return playedOf(events, { calls, requests })
})

for (const [section, entries] of sections) {
  describe(`${section}`, () => {
    for (const entry of entries) {
      it.effect(`${entry.what}: ${entry.does}`, () =>
        Effect.gen(function* () {
          const played = yield* play(entry)
          assert.isTrue(entry.check(played), JSON.stringify({ ...played, events: played.events.slice(-12) }, null, 1))
        }).pipe(Effect.provide(World.layer(entry.world)))
      )
    }
  })
}

/** `vitest --update` writes the page; this test fails when the page does not match the entries. */
const page = () =>
  [
    "# What the agent loop does when things go wrong",
    "",
    "Each row is a test (`packages/core/test/agent/Misbehaviours.test.ts`), and this page is written from them. H followed by a number is a row of the [quirks that LM Studio is known for](lmstudio.md).",
    ...sections.flatMap(([section, entries]) => [
      "",
      `## ${section}`,
      "",
      "| when there is | the loop |",
      "| --- | --- |",
      ...entries.map(({ does, what }) => `| ${cell(what)} | ${cell(does)} |`)
    ]),
    ""
  ].join("\n")

const cell = (text: string) => text.replaceAll("|", "\\|")

describe("the page of misbehaviours", () => {
  it("has at least 60 distinct ones", () => {
    const all = sections.flatMap(([, entries]) => entries.map(({ what }) => what))
    assert.isAtLeast(all.length, 60)
    assert.strictEqual(new Set(all).size, all.length)
  })

  it("matches the tests", async ({ expect }) => {
    await expect(page()).toMatchFileSnapshot("../../../../docs/agent.md")
  })
})
