// A planted test that passes whatever its effect does; the mark names the rule that must fire below it.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"

// expect: floatingEffectInVitest
it("returns an effect that nobody runs", () => Effect.fail("never seen"))
