/** Markup as tagged templates: `html\`<p>${text}</p>\``. A text stays text, whatever it contains. */
import htm from "htm"
import { Component, h, type ComponentChildren, type VNode } from "preact"

export type Children = ComponentChildren

export const html = htm.bind(h) as (parts: TemplateStringsArray, ...values: ReadonlyArray<unknown>) => VNode

/** Draws again only when a property is another one: rows of a long list. */
export const memo = <P extends object>(draw: (props: P) => VNode) =>
  class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>) {
      const before = this.props as Record<string, unknown>
      return Object.entries(next).some(([key, value]) => before[key] !== value)
    }
    override render() {
      return draw(this.props)
    }
  }
