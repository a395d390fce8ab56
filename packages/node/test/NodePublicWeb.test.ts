import { assert, describe, it } from "@effect/vitest"
import { PublicWeb } from "@lms-bridge/core/Images"
import { Context, Effect, Layer, Option } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as NodePublicWeb from "#src/NodePublicWeb.ts"

describe("the public web", () => {
  it.live("is not reached by a name that leads back to this machine", () =>
    Effect.async<void>((resume) => {
      NodePublicWeb.lookup("localhost", { all: true }, (error) => {
        assert.propertyVal(error, "code", "ENOTPUBLIC")
        resume(Effect.void)
      })
    })
  )

  it("does not connect to a name of which any address is not public", () => {
    const answers = (...addresses: ReadonlyArray<string>) => {
      let told: unknown
      const lookup = NodePublicWeb.lookupBy((_, __, callback) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 }))
        )
      )
      lookup("it.example", {}, (error, address) => (told = error?.code ?? address))
      return told
    }
    assert.strictEqual(answers("93.184.216.34", "93.184.216.35"), "93.184.216.34")
    for (const inner of ["127.0.0.1", "10.0.0.7", "169.254.169.254"]) {
      assert.strictEqual(answers("93.184.216.34", inner), "ENOTPUBLIC")
      assert.strictEqual(answers(inner, "93.184.216.34"), "ENOTPUBLIC")
    }
    assert.strictEqual(answers(), "ENOTPUBLIC")
  })

  it.scopedLive("does not follow by itself where a proxy's answer leads", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const proxy = createServer((request, response) => {
        asked.push(request.url ?? "")
        response.writeHead(302, { location: "http://169.254.169.254/latest" }).end()
      })
      const port = yield* Effect.acquireRelease(
        Effect.async<number>((resume) => {
          proxy.listen(0, "127.0.0.1", () => resume(Effect.succeed((proxy.address() as AddressInfo).port)))
        }),
        () => Effect.sync(() => (proxy.closeAllConnections(), proxy.close()))
      )
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const before = { ...process.env }
          process.env = { HTTP_PROXY: `http://127.0.0.1:${port}` }
          return before
        }),
        (before) => Effect.sync(() => (process.env = before))
      )
      const web = Context.get(yield* Layer.build(NodePublicWeb.layer), PublicWeb)
      const { status } = yield* Option.getOrThrow(web).get("http://pictures.invalid/a.png")
      assert.strictEqual(status, 302)
      assert.deepStrictEqual(asked, ["http://pictures.invalid/a.png"])
    })
  )
})
