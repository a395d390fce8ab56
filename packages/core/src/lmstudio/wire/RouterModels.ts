/** The routes of llama.cpp's server with many models (contract R). */
import * as Schema from "effect/Schema"
import type { ApiModel, EngineFacts, Places } from "../ApiModel.ts"
import { Amount, Count, listOf, open, openArray, present } from "../../schema/Fields.ts"

/** `GET /v1/models`; the same as `GET /models`. No other server says `status` of a model. */
export const RouterList = Schema.Struct({
  data: listOf(
    Schema.Struct({
      id: Schema.String,
      status: Schema.Struct({
        value: Schema.String,
        failed: open(Schema.Boolean),
        exit_code: open(Schema.Int),
        args: openArray(Schema.String)
      }),
      architecture: open(Schema.Struct({ input_modalities: openArray(Schema.String) })),
      meta: open(Schema.Struct({ n_ctx: Count, n_ctx_train: Count, size: Amount }))
    })
  )
})

/** `GET /props` without a model: what the router itself is. */
export const RouterProps = Schema.Struct({
  role: Schema.Literal("router"),
  max_instances: Count,
  models_autoload: open(Schema.Boolean)
})

/** `GET /props` of a server with one model, and with `?model=` of one with many. */
export const ModelProps = Schema.Struct({
  build_info: open(Schema.String),
  chat_template: open(Schema.String),
  model_path: open(Schema.String)
})

/** Loading and unloading answer before they are done. */
export const Accepted = Schema.Struct({ success: Schema.Literal(true) })

/** `GET /slots?model=…`: what the process of a model works on. */
export const Slots = Schema.Array(Schema.Struct({ is_processing: open(Schema.Boolean) }))

export const fromProps = ({ max_instances, models_autoload }: typeof RouterProps.Type): Places => ({
  limit: max_instances === 0 ? undefined : max_instances,
  autoload: models_autoload ?? true
})

export const engineOf = ({ build_info, chat_template, model_path }: typeof ModelProps.Type): EngineFacts =>
  present({
    version: build_info === undefined ? undefined : `llama.cpp ${build_info}`,
    template: chat_template,
    file: model_path?.split(/[\\/]/).at(-1)
  })

export const fromRouter = ({ data }: typeof RouterList.Type): ReadonlyArray<ApiModel> =>
  data.map(({ architecture, id, meta, status }) => {
    const contextLength = meta?.n_ctx
    const fixedContext = contextIn(status.args)
    return {
      key: id,
      type: /\bembed/i.test(id) || status.args.some((arg) => /^--embeddings?$/.test(arg)) ? "embedding" : "llm",
      displayName: id,
      ...present({
        sizeBytes: meta?.size,
        maxContextLength: meta?.n_ctx_train,
        vision: architecture?.input_modalities.includes("image") === true ? true : undefined,
        fixedContext
      }),
      variants: [],
      ...(status.value === "loading" ? { absence: { _tag: "Loading" } as const } : {}),
      ...(status.failed === true
        ? { absence: { _tag: "Failed", ...present({ exitCode: status.exit_code }) } as const }
        : {}),
      instances:
        status.value === "loaded" || status.value === "sleeping"
          ? [
              {
                id,
                ...present({ contextLength }),
                ...(status.value === "sleeping" ? { status: "sleeping" as const } : {})
              }
            ]
          : []
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** 0 means what the model was trained with, which is known only when it runs. */
const contextIn = (args: ReadonlyArray<string>): number | undefined => {
  const at = args.findIndex((arg) => arg === "--ctx-size" || arg === "-c")
  const tokens = at < 0 ? Number.NaN : Number(args[at + 1])
  return Number.isSafeInteger(tokens) && tokens > 0 ? tokens : undefined
}
