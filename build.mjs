/** Build what pages load, from static/ and node_modules/ into static/build/. */

import {cp, rm} from "node:fs/promises";
import {glob} from "node:fs/promises";

import {build} from "esbuild";
import {PurgeCSS} from "purgecss";

const out = "static/build";
await rm(out, {recursive: true, force: true});

const pages = await Array.fromAsync(glob("static/js/pages/*.js"));

await build({
  entryPoints: pages.filter((page) => !page.endsWith("theme.js")),
  outdir: `${out}/pages`,
  chunkNames: "../chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: "linked",
  legalComments: "linked",
});

// Before the first paint, hence no module.
await build({entryPoints: ["static/js/pages/theme.js"], outfile: `${out}/pages/theme.js`, minify: true});

// For customers' pages: classic scripts, each by itself, that leave no name behind but AnyReach.
await build({
  entryPoints: ["static/js/sdk/listen.js", "static/js/sdk/stub.js"],
  outdir: `${out}/sdk`,
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
});

/**
 * Tabler without what no page of ours has, by the words in them. Beside its size, its rules with
 * :has() cost: a turn added to ten thousand had the styles of the whole page computed anew.
 */
const tabler = {
  name: "tabler",
  setup: ({onLoad}) => onLoad({filter: /tabler\.css$/}, async ({path}) => {
    const [{css}] = await new PurgeCSS().purge({
      css: [path],
      content: ["templates/**/*.html", "static/js/**/*.js"],
      blocklist: ["steps"], // a word of ours, and a component of Tabler's
      dynamicAttributes: ["data-bs-theme"],
      keyframes: true,
    });
    return {contents: css, loader: "css"};
  }),
};

await build({
  stdin: {
    contents: `
      @import "@tabler/core/dist/css/tabler.css";
      @import "./static/css/app.css";
      @import "./static/css/conversations.css";
      @import "./static/css/brief.css";
      @import "./static/css/embedding.css";
      @import "./static/css/listening.css";
      @import "./static/css/transfer.css";
    `,
    loader: "css",
    resolveDir: ".",
  },
  outfile: `${out}/app.css`,
  plugins: [tabler],
  bundle: true,
  minify: true,
  legalComments: "linked",
});

await cp("static/icon.svg", `${out}/icon.svg`);
