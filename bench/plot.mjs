// Line charts as SVG: panels one above the other, with a common x axis and their own units.

const [width, height, left, right, top, gap] = [720, 220, 64, 16, 36, 56]
const colours = ["#1f77b4", "#7f7f7f"]

/** `panels`: `{ name, unit, series: [{ name, points: [[x, y], …] }] }`. */
export const chart = (panels, axis) => {
  const total = panels.length * (height + gap) + top
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${total}" fill="#ffffff"/>`,
    ...panels.flatMap((panel, at) => draw(panel, top + at * (height + gap), axis)),
    "</svg>",
    ""
  ].join("\n")
}

const draw = ({ name, series, unit }, y0, axis) => {
  const points = series.flatMap((one) => one.points)
  const mostX = Math.max(...points.map(([x]) => x))
  const mostY = niceAbove(Math.max(...points.map(([, y]) => y)))
  const x = (value) => (left + (value / mostX) * (width - left - right)).toFixed(1)
  const y = (value) => (y0 + height - (value / mostY) * height).toFixed(1)
  return [
    `<text x="${left}" y="${y0 - 12}" font-weight="bold">${name} (${unit}) by ${axis}</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      `<line x1="${left}" x2="${width - right}" y1="${y(mostY * share)}" y2="${y(mostY * share)}" stroke="#dddddd"/>`,
      `<text x="${left - 8}" y="${Number(y(mostY * share)) + 4}" text-anchor="end">${+(mostY * share).toFixed(2)}</text>`,
      `<text x="${x(mostX * share)}" y="${y0 + height + 18}" text-anchor="middle">${Math.round(mostX * share)}</text>`
    ]),
    ...series.flatMap((one, at) => [
      `<polyline fill="none" stroke="${colours[at]}" stroke-width="1.5" points="${one.points.map(([px, py]) => `${x(px)},${y(py)}`).join(" ")}"/>`,
      `<text x="${width - right}" y="${y0 - 12 + at * 16}" text-anchor="end" fill="${colours[at]}">${one.name}</text>`
    ])
  ]
}

/** The next of 1, 2, 5, 10, 20, … */
const niceAbove = (value) => {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10)
}
