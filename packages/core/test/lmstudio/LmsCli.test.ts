import { assert, describe, it } from "@effect/vitest"
import { FileSystem, Path } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { Chunk, Duration, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import { Settings, type Values } from "@lms-bridge/core/configuration/Settings"
import { LmsCli } from "@lms-bridge/core/lmstudio/LmsCli"
import { Resilience } from "@lms-bridge/core/resilience/Resilience"
import * as FakeProcess from "@lms-bridge/testing/FakeProcess"

const running: FakeProcess.Script = { stdout: `{"status":"running","pid":7,"isDaemon":true}\n` }

/** `lms` at /opt/lms, LM Studio running, no retries unless a test asks for them. */
const layer = (
  scripts: Record<string, FakeProcess.Script | ReadonlyArray<FakeProcess.Script>>,
  settings: Partial<Values> = {}
) =>
  LmsCli.layer.pipe(
    Layer.provideMerge(FakeProcess.layer(FakeProcess.byArguments({ "daemon status --json": running, ...scripts }))),
    Layer.provide(Resilience.layer),
    Layer.provide(Settings.layerWith({ retries: 0, lmsBinary: Option.some("/opt/lms"), ...settings })),
    Layer.provide(filesAt("/opt/lms")),
    Layer.provide(Path.layer)
  )

const stat = (path: string): Effect.Effect<FileSystem.File.Info, SystemError> =>
  Effect.fail(new SystemError({ reason: "NotFound", module: "FileSystem", method: "stat", pathOrDescriptor: path }))

const file = { type: "File" } as FileSystem.File.Info

const filesAt = (...paths: ReadonlyArray<string>) =>
  FileSystem.layerNoop({
    stat: (path) => (paths.includes(path) ? Effect.succeed(file) : stat(path)),
    readFileString: (path) => stat(path).pipe(Effect.as(""))
  })

const psEntry = {
  type: "llm",
  modelKey: "qwen/qwen3-4b",
  format: "safetensors",
  displayName: "Qwen3 4B",
  path: "qwen/qwen3-4b",
  sizeBytes: 42,
  deviceIdentifier: null,
  identifier: "qwen/qwen3-4b:2",
  ttlMs: null,
  lastUsedTime: 1786252670392,
  vision: false,
  contextLength: 65536,
  status: "generating",
  queued: 1,
  parallel: null,
  somethingNew: { in: "2027" }
}

const seen = FakeProcess.FakeProcesses.pipe(Effect.flatten)

const argvs = Effect.map(seen, (all) => all.map(({ argv }) => argv.slice(1).join(" ")))

describe("LmsCli", () => {
  describe("listings", () => {
    it.effect("decodes `lms ps --json`, ignoring what is new and taking null for absent", () =>
      Effect.gen(function* () {
        const [instance] = yield* (yield* LmsCli).ps
        assert.deepInclude(instance, { modelKey: "qwen/qwen3-4b", identifier: "qwen/qwen3-4b:2", contextLength: 65536 })
        assert.isUndefined(instance?.ttlMs)
        assert.isTrue(instance?.isBusy)
      }).pipe(Effect.provide(layer({ "ps --json": { stdout: `${JSON.stringify([psEntry])}\n` } })))
    )
  })

  describe("load", () => {
    it.effect("always passes --yes and a TTL", () =>
      Effect.gen(function* () {
        const lms = yield* LmsCli
        yield* lms.load({ key: "qwen/qwen3-4b", ttl: Duration.minutes(10), contextLength: 8192, gpu: "max" })
        assert.deepStrictEqual(yield* argvs, [
          "daemon status --json",
          "load qwen/qwen3-4b --yes --ttl 600 --context-length 8192 --gpu max"
        ])
      }).pipe(
        Effect.provide(
          layer({
            "load qwen/qwen3-4b --yes --ttl 600 --context-length 8192 --gpu max": {
              stderr: "Model loaded successfully in 5.12s.\n(4.92 GiB)\n"
            }
          })
        )
      )
    )

    it.effect("is free at once when it takes too long, though the child ignores SIGTERM, and kills the child", () =>
      Effect.gen(function* () {
        const lms = yield* LmsCli
        const fiber = yield* lms.load({ key: "m", ttl: Duration.seconds(60) }).pipe(Effect.flip, Effect.fork)
        yield* TestClock.adjust("10 minutes")
        const error = yield* Fiber.join(fiber)
        assert.deepInclude(error, { _tag: "LmsCliError", reason: "Timeout" })
        assert.deepStrictEqual((yield* seen).at(-1)?.signals, ["SIGTERM"])
        yield* TestClock.adjust("2 seconds")
        assert.deepInclude((yield* seen).at(-1), { signals: ["SIGTERM", "SIGKILL"], running: false })
      }).pipe(Effect.provide(layer({ "load m --yes --ttl 60": { exitCode: "never", ignoresSigterm: true } })))
    )
  })

  describe("get", () => {
    it.effect("tells progress from the bar, and says at the end what was done", () =>
      Effect.gen(function* () {
        const lms = yield* LmsCli
        const events = yield* Stream.runCollect(lms.get("qwen/qwen3-4b"))
        assert.deepStrictEqual(Chunk.toReadonlyArray(events), [
          { _tag: "Downloading", fraction: 0.1234, detail: "1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10" },
          { _tag: "Downloading", fraction: 1, detail: "4.9 GB / 4.9 GB" },
          { _tag: "Done", alreadyDownloaded: false }
        ])
      }).pipe(
        Effect.provide(
          layer({
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
    )
  })
})
