/**
 * What a model writes after a call as if somebody else had said it: a result of the tool, the next words of the person.
 */

/** Where it begins, from this place on; -1 when there is none. */
export const madeUpFrom = (text: string, from: number): number => {
  marks.lastIndex = from
  return marks.exec(text)?.index ?? -1
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const marks =
  /<\|?\/?(?:tool|function)[_▁](?:response|result|output)s?[^>\n]{0,100}>|<｜tool▁outputs?▁begin｜>|\[\/?TOOL_(?:RESULTS?|RESPONSE|CONTENT)\]|```tool_outputs?\b|<\|?(?:im_start|start_header_id|start_of_turn|turn|start)\|?>\s{0,3}(?:user|tool|ipython|functions)|^(?:Observation|Tool (?:result|response|output)|Human|User) ?:/gim
