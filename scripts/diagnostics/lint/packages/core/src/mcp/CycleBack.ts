// The other half.
// expect: import/no-cycle
import { one } from "./Cycle.ts"

export const two = (): number => one()
