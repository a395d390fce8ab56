import { assert, describe, it } from "@effect/vitest"
import { formOf, Known, type EvidenceRow } from "@lms-bridge/core/ModelCatalog"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

const found: EvidenceRow = {
  build: { quantization: "Q4_K_M", engine: "LM Studio 0.4.25" },
  at: Date.UTC(2026, 10, 28),
  evidence: {
    toolCalls: { source: "verified", holds: false, value: 0, trials: 3, at: Date.UTC(2026, 10, 28) },
    boundSteps: {
      source: "verified",
      holds: true,
      value: 2,
      trials: 3,
      at: Date.UTC(2026, 10, 28),
      detail: "bound calls again after a result"
    }
  }
}

describe("models show", () => {
  const api = { models: Effect.succeed([apiModel("acme/plain-7b", { params: "7B", quantization: "Q4_K_M" })]) }
  const lifecycle = { resolve: () => Effect.succeed("acme/plain-7b") }
  const known = (model: Parameters<typeof Known.of>[0]) => Known.of({ ...model, toolUse: true, vision: false }, found)
  const registry = {
    choice: () => Effect.succeed(formOf(found)),
    rows: () => Effect.succeed([found]),
    known: (models: ReadonlyArray<Parameters<typeof Known.of>[0]>) =>
      Effect.succeed(new Map(models.map((model) => [model.key, known(model)])))
  }

  it.effect("says how a model makes calls, what is known of it, and how", () =>
    Effect.gen(function* () {
      const { code, out } = yield* cli(["models", "show", "acme/plain-7b"], { api, lifecycle, registry })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(out.split("\n"), [
        "acme/plain-7b: llm, 7B, Q4_K_M, context up to 32768",
        "Calls: bound. Tried on 2026-11-28: native 0 of 3, bound 2 of 3; bound calls again after a result.",
        "",
        "CAN                                        KNOWN BY    COUNTS                                    ON",
        "call tools (native)          no            tried here  0 of 3, declared yes                      2026-11-28",
        "work in bound steps (bound)  yes           tried here  2 of 3, bound calls again after a result  2026-11-28",
        "see images                   no            declared",
        "context that works           32768 tokens  declared",
        "",
        "Tried or seen with Q4_K_M, LM Studio 0.4.25"
      ])
    })
  )

  it.effect("marks what only the name suggests, and says how to find out", () =>
    Effect.gen(function* () {
      const guessed = Known.of({ ...apiModel("acme/see-vl-7b"), maxContextLength: undefined } as never, undefined)
      const { out } = yield* cli(["models", "show", "acme/plain-7b"], {
        api,
        lifecycle,
        registry: {
          ...registry,
          rows: () => Effect.succeed([]),
          known: () => Effect.succeed(new Map([["acme/plain-7b", guessed]]))
        }
      })
      assert.match(out, /see images +perhaps +guess by its name/)
      assert.include(out, "Not tried yet: `lms-bridge models probe acme/plain-7b` tries it.")
    })
  )

  it.effect("says it as JSON", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["models", "show", "--json"], { api, lifecycle, registry })
      const shown = JSON.parse(out)
      assert.deepInclude(shown, { key: "acme/plain-7b", calls: formOf(found), rows: [found] })
      assert.deepInclude(shown.known[0], { capability: "toolCalls" })
      assert.deepStrictEqual(
        shown.known[0].evidence.map(({ source }: { readonly source: string }) => source),
        ["verified", "declared"]
      )
    })
  )
})

describe("models probe", () => {
  const probed = { model: "acme/plain-7b", row: found, requests: 7, millis: 4200 }
  const registry = (onCall: (what: string) => void) => ({
    probe: (
      name: string | undefined,
      options: { readonly onTrial?: ((what: string) => Effect.Effect<void>) | undefined } = {}
    ) =>
      Effect.as(
        Effect.zipRight(
          Effect.sync(() => onCall(name ?? "default")),
          options.onTrial?.("a call") ?? Effect.void
        ),
        probed
      )
  })

  it.effect("shows each trial, and then what was found", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { code, err, out } = yield* cli(["models", "probe", "plain"], {
        registry: registry((name) => asked.push(name))
      })
      assert.deepStrictEqual([code, asked, err], [0, ["plain"], "Trying a call (1)"])
      assert.include(out, "acme/plain-7b: calls are bound. Tried on 2026-11-28")
      assert.include(out, "(7 requests in 4.2 s)")
    })
  )

  it.effect("prints it as JSON", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["models", "probe", "--json"], { registry: registry(() => undefined) })
      assert.deepInclude(JSON.parse(out), { model: "acme/plain-7b", requests: 7, row: found })
    })
  )
})
