import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted, Ref } from "effect"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import { argvs, filesAt, layerOver, running, withLms } from "./cliLayer.ts"

describe("LmsCli and the status port", () => {
  const status = FakeHttp.json({ package: "llmster", version: "0.4.25+1", more: true })
  const notes = { "/lm/.internal/http-server.json": '{"host":"127.0.0.1","pid":7,"port":40001}' }

  it.effect("is asked before any process is started, and its answer counts as what `lms` would find", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepStrictEqual(yield* lms.application, Option.some({ package: "llmster", version: "0.4.25+1" }))
      yield* lms.ps
      assert.deepStrictEqual(yield* argvs, ["ps --json"])
    }).pipe(withLms({}, {}, FakeHttp.layer({ "GET /lms-status": status })))
  )

  it.effect("finds the port that LM Studio has recorded in the home of the executable", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isSome(yield* (yield* LmsCli).application))
      const [first, ...others] = yield* Effect.flatten(FakeHttp.FakeRequests)
      assert.strictEqual(first?.url, "http://127.0.0.1:40001/lms-status")
      assert.notProperty(first?.headers, "authorization")
      assert.lengthOf(others, 0)
    }).pipe(
      Effect.provide(
        Layer.unwrapEffect(
          Effect.map(Ref.make<ReadonlyArray<string>>(["/lm/bin/lms"]), (paths) =>
            layerOver(
              filesAt(paths, notes),
              running,
              { lmsBinary: Option.some("/lm/bin/lms"), apiToken: Option.some(Redacted.make("sk-lm-secret")) },
              {},
              FakeHttp.layer({ "GET /lms-status": status })
            )
          )
        )
      )
    )
  )

  it.effect("does not mistake another program for LM Studio, and asks no local port for a remote LM Studio", () =>
    Effect.gen(function* () {
      const web = withLms({}, {}, FakeHttp.layer({ "GET /lms-status": FakeHttp.text("<html>") }))
      const application = Effect.flatMap(LmsCli, (lms) => lms.application)
      assert.isTrue(Option.isNone(yield* web(application)))
      const remote = withLms({}, { host: "box.example" }, FakeHttp.layer({ "GET /lms-status": status }))
      assert.isTrue(Option.isNone(yield* remote(application)))
    })
  )
})
