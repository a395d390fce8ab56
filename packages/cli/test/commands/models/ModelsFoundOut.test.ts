import { assert, describe, it } from "@effect/vitest"
import { formOf, Known, type ModelRegistry, type EvidenceRow } from "@lms-bridge/core/ModelCatalog"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import { ModelLoadFailed, ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import { type Context, Effect } from "effect"
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
  const lifecycle = { resolve: (name: string | undefined) => Effect.succeed(name ?? "acme/plain-7b") }
  const registry = (onCall: (what: string) => void): Partial<Context.Tag.Service<ModelRegistry>> => ({
    probe: Effect.fnUntraced(function* (name, { onTrial = () => Effect.void } = {}) {
      onCall(name ?? "none")
      yield* onTrial("a call")
      if (name === "acme/broken") {
        return yield* new ModelLoadFailed({ model: name, reason: "Engine", serverMessage: "it ended" })
      }
      return { model: name ?? "", row: found, requests: 7, untried: ["images"], millis: 4200 }
    })
  })

  it.effect("shows each trial, and then what was found, of each model once", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { code, err, out } = yield* cli(["models", "probe", "acme/a", "acme/b", "acme/a"], {
        lifecycle,
        registry: registry((name) => asked.push(name))
      })
      assert.deepStrictEqual([code, asked], [0, ["acme/a", "acme/b"]])
      assert.strictEqual(err, "acme/a: trying a call (1)\nacme/b: trying a call (1)")
      assert.include(out, "acme/a: calls are bound. Tried on 2026-11-28")
      assert.include(out, "(7 requests in 4.2 s)")
      assert.match(out, /call tools \(native\) +no +tried here +0 of 3/)
      assert.include(out, "Not tried, for want of time: images. --limit gives more.")
    })
  )

  it.effect("of an embedding model, says whether it embeds, and nothing about calls", () =>
    Effect.gen(function* () {
      const at = Date.UTC(2026, 10, 28)
      const tried = (holds: boolean, detail?: string): EvidenceRow => ({
        build: {},
        at,
        evidence: {
          embeddings: {
            source: "verified",
            holds,
            value: holds ? 3 : 0,
            trials: holds ? 3 : 1,
            at,
            ...(detail === undefined ? {} : { detail })
          },
          dimensions: { source: "verified", holds: true, value: 768, trials: 3, at },
          millisPerText: { source: "verified", holds: true, value: 12.4, trials: 3, at }
        }
      })
      const probe = (row: EvidenceRow, ...options: ReadonlyArray<string>) =>
        cli(["models", "probe", "acme/embed", ...options], {
          lifecycle,
          registry: { probe: () => Effect.succeed({ model: "acme/embed", row, requests: 3, untried: [], millis: 400 }) }
        })
      assert.deepStrictEqual((yield* probe(tried(true))).out.split("\n"), [
        "acme/embed: it embeds texts, 3 of 3 trials. (3 requests in 400 ms)",
        "",
        "CAN                                 KNOWN BY    COUNTS  ON",
        "embed texts            yes          tried here  3 of 3  2026-11-28",
        "length of its vectors  768 numbers  tried here          2026-11-28",
        "time for a text        12 ms        tried here          2026-11-28"
      ])
      assert.match(
        (yield* probe(tried(false, "the server refuses: No."))).out,
        /^acme\/embed: it is of no use for embeddings, 0 of 1 trials: the server refuses: No\. /
      )
      assert.notProperty(JSON.parse((yield* probe(tried(true), "--json")).out), "calls")
    })
  )

  it.effect("a model that fails does not keep the others from being tried", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["models", "probe", "acme/broken", "acme/b"], {
        lifecycle,
        registry: registry(() => undefined)
      })
      assert.strictEqual(code, 4)
      assert.include(err, "lms-bridge: acme/broken: ")
      assert.include(out, "acme/b: calls are bound")
    })
  )

  it.effect("a name that means nothing is said before anything is tried", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { code } = yield* cli(["models", "probe", "acme/a", "none"], {
        lifecycle: {
          resolve: (name) =>
            name === "none"
              ? Effect.fail(new ModelNotFound({ model: name, available: [], nearest: [] }))
              : Effect.succeed(name ?? "")
        },
        registry: registry((name) => asked.push(name))
      })
      assert.deepStrictEqual([code, asked], [4, []])
    })
  )

  it.effect("prints it as JSON, a line for each model", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["models", "probe", "a", "b", "--json"], {
        lifecycle,
        registry: registry(() => undefined)
      })
      const lines = out.split("\n").map((line): Record<string, unknown> => JSON.parse(line))
      assert.deepStrictEqual(
        lines.map(({ model }) => model),
        ["a", "b"]
      )
      assert.deepInclude(lines[0], { requests: 7, untried: ["images"], row: found })
    })
  )

  it.effect("refuses a limit that is no duration", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["models", "probe", "--limit", "soon"], { lifecycle })
      assert.strictEqual(code, 2)
      assert.include(err, '--limit is "soon"')
    })
  )
})
