import { assert, describe, it } from "@effect/vitest"
import * as CachedList from "#src/mcp/connection/CachedList.ts"
import { Effect } from "effect"

describe("CachedList", () => {
  it.effect("is fetched again if the server says that it changed while it was on its way", () =>
    Effect.gen(function* () {
      let asked = 0
      const list: CachedList.CachedList<string, never> = yield* CachedList.make({
        server: "s",
        method: "tools/list",
        keyOf: (item) => item,
        within: (all) => all,
        page: () =>
          Effect.sync(() => {
            asked += 1
            if (asked === 1) list.changed()
            return { items: [`edition ${asked}`], next: undefined }
          })
      })
      assert.deepStrictEqual(yield* list.list, ["edition 1"])
      assert.deepStrictEqual(yield* list.list, ["edition 2"])
      yield* list.list
      assert.strictEqual(asked, 2)
    })
  )
})
