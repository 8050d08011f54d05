/** The style sheet of the landing page: one column on a phone, cards beside each other on a desk, light and dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --card: #fff; --line: #dde3ea; --text: #17202b; --faint: #566372; --link: #0b5cad;
  --good: #16803c; --warn: #b45309; --bad: #c02626; --warn-ground: #fff6e5; --warn-line: #f3d19b; --send: #2f6fdb; --receive: #0f9d8a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1318; --card: #171e26; --line: #2a3440; --text: #e8edf2; --faint: #9aa8b6; --link: #7bb8ff;
    --good: #4ccb78; --warn: #f5b14a; --bad: #ff7b72; --warn-ground: #2a2113; --warn-line: #5c4520; --send: #6ea3ff; --receive: #3fd0bb;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; padding-top: 1.25rem; }
header strong { margin-right: auto; }
header strong span { color: var(--faint); font-weight: 400; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
a { color: var(--link); text-underline-offset: .2em; padding: .35rem 0; }
h1 { display: flex; align-items: baseline; gap: .5em; font-size: clamp(1.4rem, 1.1rem + 1.6vw, 2rem); line-height: 1.25; margin: 1.5rem 0 1.25rem; text-wrap: balance; }
h1::before { content: ""; flex: none; width: .6em; height: .6em; border-radius: 50%; background: var(--good); }
h1.warn::before { background: var(--warn); }
h2 { font-size: 1.1rem; line-height: 1.35; margin: 0; }
.problems { list-style: none; margin: 0 0 1.25rem; padding: 0; display: grid; gap: .5rem; }
.problems li { background: var(--warn-ground); border: 1px solid var(--warn-line); border-left: 4px solid var(--warn); border-radius: .4rem; padding: .6rem .9rem; }
.paths { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
.paths > li { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1rem 1.1rem; min-width: 0; display: flex; flex-direction: column; gap: .5rem; }
.title { display: flex; flex-wrap: wrap; gap: .35rem .5rem; align-items: center; }
.title h2 { margin-right: auto; }
.tag { font-size: .8rem; line-height: 1.2; padding: .2rem .5rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--faint); }
.tag.metered { color: var(--warn); border-color: currentColor; }
.where { display: flex; flex-wrap: wrap; gap: 0 .9rem; color: var(--faint); font-size: .875rem; }
p { margin: 0; }
.state { display: flex; align-items: baseline; gap: .5em; }
.state::before { content: ""; flex: none; width: .6em; height: .6em; border-radius: 50%; background: var(--faint); }
.state.good::before { background: var(--good); } .state.poor::before { background: var(--warn); } .state.bad::before { background: var(--bad); }
.state.poor, .state.bad { font-weight: 600; }
.advice { color: var(--faint); font-size: .875rem; }
.rates { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem 1rem; margin: auto 0 0; padding-top: .35rem; }
dt { display: flex; justify-content: space-between; gap: .5rem; color: var(--faint); font-size: .8rem; font-variant-numeric: tabular-nums; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.rates b { font-size: 1.25rem; font-weight: 600; line-height: 1.3; }
.share { display: block; width: 100%; height: .4rem; border-radius: .2rem; background: var(--line); }
.share.send { color: var(--send); } .share.receive { color: var(--receive); }
.empty { background: var(--card); border: 1px dashed var(--line); border-radius: .7rem; padding: 1.25rem; color: var(--faint); }
.findings { margin-top: 1.5rem; } .findings ul { display: grid; gap: .5rem; margin: .5rem 0 0; padding: 0; list-style: none; }
.findings li { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .9rem; }
.findings code { display: block; margin-top: .35rem; padding: .35rem .6rem; border-radius: .3rem; background: var(--ground); font: .875rem ui-monospace, monospace; user-select: all; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1.5rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); }
footer { color: var(--faint); font-size: .875rem; padding-top: 1rem; padding-bottom: 2rem; }
`;
