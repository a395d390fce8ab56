/** What a preset gives a task: the server, the folders and the secrets. The loop is the same as for any other task. */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Settings } from "../../configuration/Settings.ts"
import type { McpConfigInvalid } from "../../mcp/McpError.ts"
import { McpRegistry } from "../../mcp/McpRegistry.ts"
import { startable } from "../../mcp/ServerSummary.ts"
import * as StateDirectory from "../../machine/StateDirectory.ts"
import type { AgentTask } from "../AgentTask.ts"
import { definition, type Preset, type PresetName, presets } from "./Preset.ts"
import type { FolderRefused } from "../../machine/WorkingFolder.ts"
import { WorkingFolders } from "../../machine/WorkingFolders.ts"

/** The secret that the preset's server requires is missing. */
export class TokenMissing extends Schema.TaggedError<TokenMissing>()("TokenMissing", {
  preset: Schema.String,
  variable: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The ${this.preset} server needs a token. Set ${this.variable} where lms-bridge is started, or configure a ${this.preset} server in mcp.json.`
  }
}

export type PresetError = FolderRefused | TokenMissing | McpConfigInvalid

/** `secrets` is for `CurrentSecrets` around the run; the task itself contains none. */
export interface PresetUse {
  readonly task: Pick<AgentTask, "servers" | "definedServers" | "workingFolders" | "approvedTools">
  readonly secrets: Readonly<Record<string, Redacted.Redacted>>
}

export class Presets extends Context.Tag("@lms-bridge/core/agent/Presets")<
  Presets,
  {
    /**
     * Without `folders`, the default one is used. A server of the same kind in the user's mcp.json is used as configured,
     * with the user's version, storage and token, unless the preset works in folders or `token` is given. Starts nothing.
     */
    readonly use: (
      name: PresetName,
      options?: {
        readonly folders?: ReadonlyArray<string> | undefined
        readonly token?: Redacted.Redacted | undefined
      }
    ) => Effect.Effect<PresetUse, PresetError>
  }
>() {
  static readonly layer: Layer.Layer<
    Presets,
    never,
    McpRegistry | WorkingFolders | Settings | FileSystem.FileSystem | Path.Path
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const workingFolders = yield* WorkingFolders
      const settings = yield* Settings
      const path = yield* Path.Path
      const state = yield* StateDirectory.make

      const configured = ({ recognises }: Preset) =>
        Effect.map(registry.servers, (servers) => startable(servers).find(({ target }) => recognises.test(target)))
      const fileOf = ({ file }: Preset) =>
        file === undefined
          ? Effect.succeed(undefined)
          : Effect.map(state.folder("servers"), (folder) =>
              Option.getOrUndefined(Option.map(folder, (directory) => path.join(directory, file.name)))
            )

      return {
        use: Effect.fn("Presets.use")(function* (name, { folders, token } = {}) {
          const preset = presets[name]
          const found = preset.folders || token !== undefined ? undefined : yield* configured(preset)
          if (found !== undefined) {
            return { task: { servers: { _tag: "Named", names: [found.name] } }, secrets: {} }
          }
          const secret = token ?? Option.getOrUndefined(settings.githubToken)
          // a blank token is a variable without a value, which the server would only notice at its first use
          if (preset.token !== undefined && (secret === undefined || Redacted.value(secret).trim() === "")) {
            return yield* new TokenMissing({ preset: name, variable: preset.token })
          }
          const resolved = preset.folders ? yield* workingFolders.resolve(folders ?? []) : []
          const server = definition(preset, { folders: resolved, file: yield* fileOf(preset) })
          return {
            task: {
              servers: { _tag: "None" },
              definedServers: [server],
              ...(preset.folders ? { workingFolders: resolved } : {}),
              ...(preset.approved.length === 0 ? {} : { approvedTools: preset.approved })
            },
            secrets: preset.token === undefined || secret === undefined ? {} : { [preset.token]: secret }
          }
        })
      }
    })
  )
}
