// What goes wrong, when, to whom and for how long: decided by the seed alone.

/** Numbers from 0 to 1. */
export const numbers = (seed) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `kinds`: for each, how often it is chosen, and the seconds that it lasts at most (none for what is over at once). */
export const schedule = (seed, minutes, kinds) => {
  const random = numbers(seed)
  const names = Object.keys(kinds)
  const all = names.reduce((sum, name) => sum + kinds[name].often, 0)
  const faults = []
  for (let at = 2; at < minutes * 60; at += 1 + random() * 5) {
    let place = random() * all
    const kind = names.find((name) => (place -= kinds[name].often) < 0) ?? names[0]
    const { longest } = kinds[kind]
    const seconds = longest === undefined ? 0 : 0.5 + random() * (longest - 0.5)
    faults.push({ at, kind, whom: random(), seconds })
    // two of a kind at a time say no more than one
    if (seconds > 4) at += seconds / 2
  }
  return faults
}

/** The words of a task: what its model calls, in turn. */
export const words = (random) => {
  const tools = ["look", "look", "note", "note", "note", "lookslowly", "noteslowly"]
  const found = Array.from({ length: 2 + Math.floor(random() * 4) }, () => tools[Math.floor(random() * tools.length)])
  return random() < 0.1 ? [...found, "wipe"] : found
}

export const told = ({ at, kind, seconds }) =>
  `${at.toFixed(1).padStart(6)} s  ${kind}${seconds === 0 ? "" : ` for ${seconds.toFixed(1)} s`}`
