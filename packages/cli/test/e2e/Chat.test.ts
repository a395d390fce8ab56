import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { patience, platform, world } from "./Harness.ts"

const longAnswer = Array.from({ length: 400 }, (_, index) => `word${index}`).join(" ")

describe("a chat", () => {
  it.scopedLive(
    "remembers what was said, stops a reply with Ctrl-C and goes on, and can be taken up later",
    () =>
      Effect.gen(function* () {
        const { run, simulator, start } = yield* world
        yield* simulator.control.scriptModel([
          { text: "Hello Anna." },
          { text: longAnswer, pieceDelayMs: 50 },
          { text: "You are Anna.", expect: { lastMessageContains: "Who am I?" } }
        ])
        const chat = yield* start(["chat"])
        const say = (line: string) => Effect.sync(() => void chat.child.stdin.write(`${line}\n`))
        yield* say("My name is Anna.")
        yield* chat.untilStdout((text) => text.includes("Hello Anna."))
        yield* say("Tell me a story.")
        yield* Effect.repeat(
          Effect.delay(
            Effect.map(simulator.control.seen, ({ requests }) => JSON.stringify(requests).includes("Tell me a story.")),
            "20 millis"
          ),
          { until: (asked) => asked }
        )
        yield* Effect.sleep("300 millis")
        chat.child.kill("SIGINT")
        yield* Effect.repeat(
          Effect.delay(
            Effect.sync(() => chat.stderr().includes("Stopped.")),
            "20 millis"
          ),
          { until: (stopped) => stopped }
        )
        yield* say("Who am I?")
        yield* chat.untilStdout((text) => text.includes("You are Anna."))
        chat.child.stdin.end()
        const { code, stderr } = yield* chat.ended
        assert.strictEqual(code, 0, stderr)
        const goOn =
          /Go on later with: node \S+lms-bridge\.js (.*)$/m.exec(stderr)?.[1]?.split(" ") ?? assert.fail(stderr)

        const lastAsked = Effect.map(simulator.control.seen, ({ requests }) =>
          JSON.stringify(requests.findLast(({ operation }) => operation.startsWith("POST")))
        )
        const last = yield* lastAsked
        for (const words of ["My name is Anna.", "Hello Anna.", "Tell me a story."]) assert.include(last, words)

        yield* simulator.control.scriptModel([{ text: "Still Anna." }])
        const later = yield* start(goOn)
        later.child.stdin.end("And now?\n")
        assert.strictEqual((yield* later.ended).stdout, "Still Anna.\n")
        assert.include(yield* lastAsked, "My name is Anna.")
        assert.strictEqual(JSON.parse((yield* run(["runs", "ls", "--json"])).stdout).length, 4)
      }).pipe(Effect.provide(platform)),
    patience
  )
})
