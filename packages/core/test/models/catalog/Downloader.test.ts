import { assert, describe, it } from "@effect/vitest"
import { Unsupported } from "#src/lmstudio/LmStudioError.ts"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { Downloader } from "#src/models/catalog/Downloader.ts"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { always } from "@lms-bridge/testing/Scripted"
import { Effect, Fiber, Layer, Stream, TestClock } from "effect"

const status = (status: string, downloadedBytes = 0) => ({
  jobId: "job_1",
  status,
  totalBytes: 100,
  downloadedBytes,
  bytesPerSecond: 10
})

const layer = (script: LmStudioApiTest.Script, get: (typeof LmsCli.Service)["get"] = () => assert.fail()) =>
  Downloader.layer.pipe(
    Layer.provide(LmStudioApiTest.layerTest(script)),
    Layer.provide(Layer.mock(LmsCli, { get, logStream: () => assert.fail() }))
  )

const gemma = LmStudioApiTest.apiModel("google/gemma-3-4b")

const download = (seen: Array<number> = [], wait = true) =>
  Effect.flatMap(Downloader, (downloader) =>
    downloader.download("google/gemma-3-4b", {
      wait,
      onProgress: ({ fraction }) => Effect.sync(() => void seen.push(fraction))
    })
  )

describe("Downloader", () => {
  it.effect("watches a download to its end, and verifies that the model is there", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const fiber = yield* Effect.fork(download(seen))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { status: "downloaded", key: gemma.key })
      assert.deepStrictEqual(seen, [0, 0.5])
    }).pipe(
      Effect.provide(
        layer({
          models: [Effect.succeed([]), Effect.succeed([gemma])],
          download: [Effect.succeed(status("downloading"))],
          downloadStatus: [Effect.succeed(status("downloading", 50)), Effect.succeed(status("completed", 100))]
        })
      )
    )
  )

  it.effect("leaves a download to LM Studio when the caller does not wait", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* download([], false), { status: "downloading", key: undefined })
    }).pipe(Effect.provide(layer({ models: [Effect.succeed([])], download: [Effect.succeed(status("downloading"))] })))
  )

  it.effect("does not download a model that is already there", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* download(), { status: "already-there", key: gemma.key })
    }).pipe(Effect.provide(layer({ models: [Effect.succeed([gemma])] })))
  )

  it.effect("fails when LM Studio reports a failure, or a success without listing the model", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(download()))._tag, "ModelDownloadFailed")
      assert.include((yield* Effect.flip(download())).message, "failed")
    }).pipe(
      Effect.provide(
        layer({
          models: [always(Effect.succeed([]))],
          download: [Effect.succeed(status("completed")), Effect.succeed(status("failed"))]
        })
      )
    )
  )

  it.effect("uses `lms get` where the server cannot download", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      assert.deepStrictEqual(yield* download(seen), { status: "downloaded", key: gemma.key })
      assert.deepStrictEqual(seen, [0.3])
    }).pipe(
      Effect.provide(
        layer(
          {
            models: [Effect.succeed([]), Effect.succeed([gemma])],
            download: [Effect.fail(new Unsupported({ operation: "download", dialect: "legacy-v0", instead: "" }))]
          },
          () =>
            Stream.make(
              { _tag: "Downloading" as const, fraction: 0.3, detail: "" },
              { _tag: "Done" as const, alreadyDownloaded: false }
            )
        )
      )
    )
  )
})
