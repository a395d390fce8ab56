import { assert, describe, it } from "@effect/vitest"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { Effect } from "effect"
import { patience, platform, processesAtHome, world } from "./Harness.ts"

const crash = Outcome.httpError(400, {
  error: { message: "The model has crashed without additional information. (Exit code: 11)" }
})

describe("run --fallback", () => {
  it.scopedLive(
    "goes on with the next model when one keeps crashing, and says so while it runs, at the end and afterwards",
    () =>
      Effect.gen(function* () {
        const { home, notes, run, simulator } = yield* world
        yield* simulator.control.scriptModel([
          { toolCalls: [{ name: "filesystem__read_text_file", arguments: { path: `${notes}/bees.md` } }] },
          { text: "Clover." }
        ])
        // the lease asks each time again, and the run as well
        yield* simulator.control.script("POST /v1/chat/completions", [Outcome.ok, crash, crash, crash, crash])
        const ended = yield* run([
          "run",
          "What do bees like?",
          "--mcp",
          "filesystem",
          "--model",
          "qwen/qwen3-8b",
          "--fallback",
          "no-such-model,llama-3.2-3b-instruct"
        ])
        assert.deepStrictEqual([ended.code, ended.stdout], [0, "Clover.\n"], ended.stderr)
        assert.match(
          ended.stderr,
          /^model +qwen\/qwen3-8b is given up in round 3 and a tool call, which stay done: .*crashed/m
        )
        assert.match(ended.stderr, /^model +no-such-model was skipped: There is no model/m)
        assert.match(ended.stderr, /lms-bridge: qwen\/qwen3-8b was passed over: .*crashed/)
        assert.match(ended.stderr, /lms-bridge: llama-3\.2-3b-instruct went on in its place\./)
        const shown = yield* run(["runs", "show", "last"])
        assert.match(shown.stdout + shown.stderr, /qwen\/qwen3-8b is given up in round 3/)
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})
