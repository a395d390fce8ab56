import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Ref } from "effect"
import { LmStudioUnreachable, Unauthorized } from "#src/lmstudio/LmStudioError.ts"
import * as Patience from "#src/resilience/Patience.ts"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"

const policy = new Patience.PatiencePolicy({
  loading: Duration.minutes(2),
  comeback: Duration.minutes(1),
  pause: Duration.seconds(1)
})
const gone = new LmStudioUnreachable({ baseUrl: "http://h:1234", reason: "Refused", answeredBefore: true })

describe("Patience: LM Studio has gone", () => {
  it.effect("what it says when it is back is what the caller is told, also when it is a refusal", () =>
    Effect.gen(function* () {
      const refused = new Unauthorized({ reason: "Missing", serverMessage: "a token is required" })
      const back = yield* Ref.make(0)
      const answers = Effect.flatMap(
        Ref.updateAndGet(back, (n) => n + 1),
        (n): Effect.Effect<never, LmStudioUnreachable | Unauthorized> => Effect.fail(n < 5 ? gone : refused)
      )
      assert.strictEqual(yield* Effect.flip(Patience.untilBack(policy, answers)(answers)), refused)
    }).pipe(inVirtualTime)
  )
})
