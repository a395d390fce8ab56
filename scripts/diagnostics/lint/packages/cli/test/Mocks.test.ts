// Planted test habits: mocks, fake timers, a test that hides the others.
// expect: no-restricted-imports
import { vi } from "vitest"
// expect: no-restricted-imports
import { it, vi as spies } from "@effect/vitest"
import { Effect } from "effect"
// expect: import/extensions
import { all } from "../src/Boundaries"

vi.useFakeTimers()
spies.setSystemTime(0)
// expect: vitest/no-focused-tests
it.only("hides the others", () => Effect.runPromise(Effect.succeed(all)))
