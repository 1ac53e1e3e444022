import type { CurvePoint } from './figures.ts';

export interface Curve {
  readonly name: string;
  readonly points: readonly CurvePoint[];
  /** Where the threshold as shipped lies. */
  readonly shipped: CurvePoint;
}

const [width, height, margin] = [720, 480, 56];
const leastFpr = 1e-4;
const colours = ['#1b6ca8', '#c0392b', '#2e8b57', '#8e44ad', '#d68910', '#117a65', '#7f8c8d', '#34495e'];

function x(fpr: number): number {
  const share = 1 - Math.log10(Math.max(leastFpr, fpr)) / Math.log10(leastFpr);
  return margin + share * (width - 2 * margin);
}

function y(tpr: number): number {
  return height - margin - tpr * (height - 2 * margin);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Detection against false alarms, the latter on a logarithmic scale: the left end is what matters. A ring marks the shipped threshold. */
export function curveSvg(title: string, curves: readonly Curve[]): string {
  const grid = [
    ...[1e-4, 1e-3, 1e-2, 1e-1, 1].map(
      (fpr) =>
        `<path class="grid" d="M${x(fpr)} ${y(0)}V${y(1)}"/><text x="${x(fpr)}" y="${y(0) + 18}" text-anchor="middle">${fpr * 100} %</text>`,
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (tpr) =>
        `<path class="grid" d="M${x(leastFpr)} ${y(tpr)}H${x(1)}"/><text x="${margin - 8}" y="${y(tpr) + 4}" text-anchor="end">${tpr * 100} %</text>`,
    ),
  ];
  const lines = curves.map(({ name, points, shipped }, index) => {
    const colour = colours[index % colours.length] ?? '#000';
    const path = points
      .map(({ fpr, tpr }, at) => `${at === 0 ? 'M' : 'L'}${x(fpr).toFixed(1)} ${y(tpr).toFixed(1)}`)
      .join('');
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>
<circle cx="${x(shipped.fpr).toFixed(1)}" cy="${y(shipped.tpr).toFixed(1)}" r="4" fill="#fff" stroke="${colour}" stroke-width="2"/>
<text x="${margin + 12}" y="${margin + 18 + 16 * index}" fill="${colour}">${escaped(name)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<style>.grid{stroke:#ddd;fill:none}</style>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${width / 2}" y="24" text-anchor="middle" font-size="15">${escaped(title)}</text>
${grid.join('\n')}
<text x="${width / 2}" y="${height - 12}" text-anchor="middle">benign rows blocked</text>
<text x="16" y="${height / 2}" text-anchor="middle" transform="rotate(-90 16 ${height / 2})">malicious rows blocked</text>
${lines.join('\n')}
</svg>
`;
}
