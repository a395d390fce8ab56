/**
 * The colours of the live view, or none.
 */
export interface Palette {
  readonly strong: (text: string) => string
  readonly quiet: (text: string) => string
  readonly good: (text: string) => string
  readonly warning: (text: string) => string
  readonly bad: (text: string) => string
}

const ansi = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`

export const colored: Palette = {
  strong: ansi(1, 22),
  quiet: ansi(2, 22),
  good: ansi(32, 39),
  warning: ansi(33, 39),
  bad: ansi(31, 39)
}

const same = (text: string) => text

export const plain: Palette = { strong: same, quiet: same, good: same, warning: same, bad: same }

export const of = (screen: { readonly colors: boolean }): Palette => (screen.colors ? colored : plain)
