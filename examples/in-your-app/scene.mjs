// What the field learns: a day by a lake in the mountains, as a formula. x to the right and y down, both from
// -1 to 1, t one day from 0 to 1.

const mix = (a, b, s) => a.map((value, i) => value + (b[i] - value) * s);
const smooth = (low, high, x) => {
  const s = Math.max(0, Math.min(1, (x - low) / (high - low)));
  return s * s * (3 - 2 * s);
};

function sky(x, y, t) {
  const day = 0.5 + 0.5 * Math.sin(2 * Math.PI * t);
  const dusk = Math.exp(-(((day - 0.45) / 0.22) ** 2));
  const zenith = mix([0.03, 0.04, 0.16], [0.2, 0.48, 0.86], day);
  const low = mix(mix([0.1, 0.1, 0.28], [0.72, 0.86, 0.97], day), [1, 0.52, 0.24], dusk * 0.9);
  let colour = mix(zenith, low, smooth(-1, 0.15, y));
  const [sunX, sunY] = [-0.75 * Math.cos(2 * Math.PI * t), 0.15 - 0.8 * Math.sin(2 * Math.PI * t)];
  const distance = Math.hypot((x - sunX) * 1.5, y - sunY);
  colour = mix(colour, [1, 0.78, 0.42], 0.75 * Math.exp(-distance * 3.2) * smooth(-0.2, 0.4, day));
  return mix(colour, [1, 0.96, 0.8], 1 - smooth(0.11, 0.15, distance));
}

function land(x, y, t) {
  const day = 0.5 + 0.5 * Math.sin(2 * Math.PI * t);
  let colour = sky(x, y, t);
  const far = -0.18 - 0.2 * Math.cos(2.6 * x + 0.4) - 0.09 * Math.sin(7.1 * x) - 0.03 * Math.sin(17 * x + 1);
  const near = 0.02 + 0.13 * Math.cos(3.4 * x - 1.3) - 0.05 * Math.sin(9.3 * x + 0.5);
  const snow = smooth(-0.32, -0.42, y + 0.05 * Math.sin(19 * x));
  const rock = mix([0.1, 0.12, 0.24], [0.36, 0.42, 0.56], day);
  colour = mix(
    colour,
    mix(rock, mix([0.3, 0.32, 0.5], [0.95, 0.97, 1], day), snow),
    smooth(far - 0.012, far + 0.012, y),
  );
  return mix(colour, mix([0.04, 0.08, 0.1], [0.13, 0.34, 0.22], day), smooth(near - 0.012, near + 0.012, y));
}

/** Colour at a place and time, three numbers from 0 to 1. */
export function scene(x, y, t) {
  const shore = 0.28 + 0.02 * Math.sin(4 * x);
  if (y < shore) return land(x, y, t);
  const depth = y - shore;
  const ripple = 0.02 * Math.sin(depth * 46 - 4 * Math.PI * t) * (0.3 + depth);
  const mirrored = land(x + ripple, shore - depth * 0.95 + ripple, t);
  return mix(mirrored, [0.05, 0.16, 0.26], 0.22 + 0.3 * depth);
}
