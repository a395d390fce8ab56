import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { argvs, withLms } from "../cliLayer.ts"

const entry = { type: "llm", modelKey: "qwen/qwen3-4b", path: "qwen/qwen3-4b" }

describe("LmsCli", () => {
  it.effect("loads by the exact path when `lms ls` lists exactly one path for the key on this machine", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      yield* lms.load({ key: "qwen/qwen3-4b", ttl: Duration.minutes(10) })
      yield* lms.estimate({ key: "qwen/qwen3-4b" })
      assert.deepStrictEqual((yield* argvs).slice(1), [
        "ls --json",
        "load q/model.gguf --exact --yes --ttl 600",
        "load q/model.gguf --exact --estimate-only --yes"
      ])
    }).pipe(
      withLms({
        "ls --json": {
          stdout: JSON.stringify([
            { ...entry, path: "q/model.gguf" },
            { ...entry, path: "other/model.gguf", deviceIdentifier: "elsewhere" }
          ])
        },
        "load q/model.gguf --exact --yes --ttl 600": {},
        "load q/model.gguf --exact --estimate-only --yes": {
          stderr: "Estimate: This model may be loaded based on your resource guardrails settings.\n"
        }
      })
    )
  )

  it.effect("loads by the key when there is no `--exact`, and does not try it again", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      yield* lms.load({ key: "qwen/qwen3-4b", ttl: Duration.minutes(10) })
      yield* lms.load({ key: "qwen/qwen3-4b", ttl: Duration.minutes(10) })
      assert.deepStrictEqual((yield* argvs).slice(2), [
        "load qwen/qwen3-4b --exact --yes --ttl 600",
        "load qwen/qwen3-4b --yes --ttl 600",
        "load qwen/qwen3-4b --yes --ttl 600"
      ])
    }).pipe(
      withLms({
        "ls --json": { stdout: JSON.stringify([entry]) },
        "load qwen/qwen3-4b --exact --yes --ttl 600": { exitCode: 1, stderr: "error: unknown option '--exact'\n" },
        "load qwen/qwen3-4b --yes --ttl 600": {}
      })
    )
  )

  it.effect("loads by the key when the path has moved since it was listed", () =>
    Effect.gen(function* () {
      yield* (yield* LmsCli).load({ key: "qwen/qwen3-4b", ttl: Duration.minutes(10) })
      assert.strictEqual((yield* argvs).at(-1), "load qwen/qwen3-4b --yes --ttl 600")
    }).pipe(
      withLms({
        "ls --json": { stdout: JSON.stringify([{ ...entry, path: "old.gguf" }]) },
        "load old.gguf --exact --yes --ttl 600": {
          exitCode: 1,
          stderr: 'Model not found\n\nNo model found with path being exactly "old.gguf".\n'
        },
        "load qwen/qwen3-4b --yes --ttl 600": {}
      })
    )
  )
})
