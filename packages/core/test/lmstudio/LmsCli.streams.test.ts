import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { seen, withLms } from "./cliLayer.ts"

describe("LmsCli.get", () => {
  it.effect("reads progress from the bar, and reports the result at the end", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const events = yield* Stream.runCollect(lms.get("qwen/qwen3-4b"))
      assert.deepStrictEqual(Chunk.toReadonlyArray(events), [
        { _tag: "Downloading", fraction: 0.1234, detail: "1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10" },
        { _tag: "Downloading", fraction: 1, detail: "4.9 GB / 4.9 GB" },
        { _tag: "Done", alreadyDownloaded: false }
      ])
    }).pipe(
      withLms({
        "get qwen/qwen3-4b --yes": {
          stdout: [
            "\u001b[2J\u001b[36mplan\u001b[0m\n[####    ] 12.3",
            "4% | 1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10\r[####    ] 12.34% | 1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10\r",
            "\u001b[K[########] 100.00% | 4.9 GB / 4.9 GB\n"
          ],
          stderr: "Finalizing download...\nDownload completed.\n"
        }
      })
    )
  )

  it.effect("reports when there was nothing to do, and when there is no such model", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(lms.get("there"))), [
        { _tag: "Done", alreadyDownloaded: true }
      ])
      assert.deepInclude(yield* Effect.flip(Stream.runDrain(lms.get("none"))), { reason: "ModelNotFound", exitCode: 1 })
    }).pipe(
      withLms({
        "get there --yes": { stderr: "Model already downloaded. To use, run: lms load there\n" },
        "get none --yes": {
          exitCode: 1,
          stderr: "Error: No staff picks found with the specified search criteria.\n"
        }
      })
    )
  )

  it.effect("completes although the process does not exit (H28), and ends the process", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(Stream.runLast(lms.get("m")))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* fiber, Option.some({ _tag: "Done", alreadyDownloaded: false } as const))
      assert.deepInclude((yield* seen).at(-1), { running: false })
    }).pipe(withLms({ "get m --yes": { exitCode: "never", stderr: "Download completed.\n" } }))
  )

  it.effect("ends the process when it is interrupted", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(Stream.runDrain(lms.get("m")))
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* seen).at(-1)?.running)
      yield* Fiber.interrupt(fiber)
      assert.isFalse((yield* seen).at(-1)?.running)
    }).pipe(withLms({ "get m --yes": { exitCode: "never", stdout: "[#] 1%\r" } }))
  )

  it.effect("gives up when there is no progress for a long time", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(Effect.flip(Stream.runDrain(lms.get("m"))))
      yield* TestClock.adjust("11 minutes")
      assert.deepInclude(yield* fiber, { reason: "Timeout", subcommand: "get" })
    }).pipe(withLms({ "get m --yes": { exitCode: "never", stdout: "[#] 1%\r" } }))
  )
})

describe("LmsCli.logStream", () => {
  it.effect("emits events, skips the banner, and ends the process when the reader stops", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const events = yield* Stream.runCollect(Stream.take(lms.logStream("server"), 2))
      assert.deepStrictEqual(Chunk.toReadonlyArray(events), [
        { timestamp: 1, type: "server.log", data: { type: "server.log", content: "x", level: "info" } },
        { timestamp: 2, type: "", data: { new: true } }
      ])
      assert.isFalse((yield* seen).at(-1)?.running)
    }).pipe(
      withLms({
        "log stream --json --source server": {
          exitCode: "never",
          stdout: [
            "Streaming logs from LM Studio\n\n",
            `{"timestamp":1,"data":{"type":"server.log","content":"x",`,
            `"level":"info"}}\n{"timestamp":2,"data":{"new":true}}\n`
          ]
        }
      })
    )
  )

  it.effect("fails when the command does", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const error = yield* Effect.flip(Stream.runDrain(lms.logStream("runtime")))
      assert.deepInclude(error, { reason: "Exit", detail: "error: option '-s' argument 'runtime' is invalid." })
    }).pipe(
      withLms({
        "log stream --json --source runtime": {
          exitCode: 1,
          stderr: "error: option '-s' argument 'runtime' is invalid.\n"
        }
      })
    )
  )
})
