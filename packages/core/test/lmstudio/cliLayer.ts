/** `LmsCli` over scripted processes and files. */
import { FileSystem, Path } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { ConfigProvider, Effect, Layer, Option, Ref } from "effect"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import * as FakeProcess from "@lms-bridge/testing/FakeProcess"

export type Scripts = Readonly<Record<string, FakeProcess.Script | ReadonlyArray<FakeProcess.Script>>>

export const daemon = "daemon status --json"

export const running: Scripts = {
  [daemon]: { stdout: `{"status":"running","pid":7,"isDaemon":false}\n` },
  "ls --json": { stdout: "[]" },
  "ps --json": { stdout: "[]" }
}

/** Nothing listens at LM Studio's status port. */
const silent = FakeHttp.layer({ "GET /lms-status": FakeHttp.refused() })

const missing = (path: string) =>
  new SystemError({ reason: "NotFound", module: "FileSystem", method: "stat", pathOrDescriptor: path })

const file = { type: "File" } as FileSystem.File.Info // nothing else of it is read

/** A file system with these files, which may change while the test runs. */
export const filesAt = (paths: Ref.Ref<ReadonlyArray<string>>, contents: Readonly<Record<string, string>> = {}) =>
  FileSystem.layerNoop({
    stat: (path) =>
      Effect.flatMap(Ref.get(paths), (all) => (all.includes(path) ? Effect.succeed(file) : missing(path))),
    readFileString: (path) => {
      const content = contents[path]
      return content === undefined ? missing(path) : Effect.succeed(content)
    }
  })

export const layerOver = (
  files: Layer.Layer<FileSystem.FileSystem>,
  scripts: Scripts,
  settings: Partial<Values>,
  environment: Readonly<Record<string, string>> = {},
  http: ReturnType<typeof FakeHttp.layer> = silent
) =>
  LmsCli.layer.pipe(
    Layer.provideMerge(FakeProcess.layer(FakeProcess.byArguments(scripts))),
    Layer.provideMerge(http),
    Layer.provide(Layer.mergeAll(Resilience.layer, files, Path.layer)),
    Layer.provide(Settings.layerWith({ retries: 0, ...settings })),
    Layer.provideMerge(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))))
  )

/** `lms` at /opt/lms, LM Studio running, no retries unless a test sets them. */
export const withLms = (
  scripts: Scripts,
  settings: Partial<Values> = {},
  http: ReturnType<typeof FakeHttp.layer> = silent
) =>
  Effect.provide(
    Layer.unwrapEffect(
      Effect.map(Ref.make<ReadonlyArray<string>>(["/opt/lms"]), (paths) =>
        layerOver(
          filesAt(paths),
          { ...running, ...scripts },
          { lmsBinary: Option.some("/opt/lms"), ...settings },
          {},
          http
        )
      )
    )
  )

export const seen = Effect.flatten(FakeProcess.FakeProcesses)

export const argvs = Effect.map(seen, (all) => all.map(({ argv }) => argv.slice(1).join(" ")))
