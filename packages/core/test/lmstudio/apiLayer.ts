/** `LmStudioApi` over scripted HTTP, without retries unless a test sets them. */
import { Layer } from "effect"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"

export const apiLayer = (
  routes: FakeHttp.Routes,
  settings: Partial<Values> = {},
  options: { readonly prefix?: string } = {}
) =>
  LmStudioApi.layer.pipe(
    Layer.provideMerge(Layer.merge(FakeHttp.layer(routes, options), Resilience.layer)),
    Layer.provide(Settings.layerWith({ retries: 0, ...settings }))
  )

export const nativeModel = (key: string, instances: ReadonlyArray<string> = []) => ({
  type: "llm",
  key,
  display_name: key,
  loaded_instances: instances.map((id) => ({ id, config: { context_length: 4096 } })),
  max_context_length: 32768
})

/** LM Studio 0.4 with one model, which is loaded. */
export const nativeList = FakeHttp.json({ models: [nativeModel("qwen/qwen3-4b", ["qwen/qwen3-4b"])] })

export const native = { "GET /api/v1/models": nativeList, "GET /lmstudio-greeting": FakeHttp.json({ lmstudio: true }) }

export const unexpected = {
  "GET /api/v1/models": FakeHttp.unexpectedEndpoint("GET", "/api/v1/models"),
  "GET /api/v0/models": FakeHttp.unexpectedEndpoint("GET", "/api/v0/models"),
  "GET /v1/models": FakeHttp.unexpectedEndpoint("GET", "/v1/models"),
  "GET /lmstudio-greeting": FakeHttp.unexpectedEndpoint("GET", "/lmstudio-greeting")
}
