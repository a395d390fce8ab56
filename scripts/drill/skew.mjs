// Loaded before the program: its clock is wrong by DRILL_CLOCK_SKEW milliseconds. The program reads the time from Date alone.
const by = Number(process.env.DRILL_CLOCK_SKEW)
const Real = globalThis.Date

globalThis.Date = class Date extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + by)
    else super(...given)
  }
  static now() {
    return Real.now() + by
  }
}
