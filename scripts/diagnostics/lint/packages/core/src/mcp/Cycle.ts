// Half of a planted import cycle.
// expect: import/no-cycle
import { two } from "./CycleBack.ts"

export const one = (): number => two()
