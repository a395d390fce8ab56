import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lookup } from "#src/NodePublicWeb.ts"

describe("the public web", () => {
  it.live("is not reached by a name that leads back to this machine", () =>
    Effect.async<void>((resume) => {
      lookup("localhost", { all: true }, (error) => {
        assert.propertyVal(error, "code", "ENOTPUBLIC")
        resume(Effect.void)
      })
    })
  )
})
