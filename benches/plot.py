"""Bars and lines as SVG, by hand: nothing to install, and the files can be read."""

COLORS = {"walstream": "#1b7f5c", "walstream, decode": "#1b7f5c", "walstream, pacing off": "#8cc7b2", "walstream, session": "#8cc7b2",
          "pg_recvlogical": "#44546a", "bare libpq": "#8497b0", "bare libpq, two threads": "#adb9ca",
          "walk": "#8497b0", "pg_walstream, rustls": "#c27c2c",
          "pg_walstream, libpq": "#dfae7a", "pg_walstream's parser": "#c27c2c", "psycopg2": "#b8a13a"}
NAMES, BARS, NUMBER, ROW = 200, 250, 90, 18


def escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;")


def svg(width, height, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="white"/>'
            + "".join(body) + "</svg>\n")


def panels(title, parts):
    """Side by side, with the same names. parts: [(what, unit, [(group, [(program, median, least, most)])])]; the line in
    a bar goes from least to most."""
    body = [f'<text x="10" y="22" font-size="15" font-weight="bold">{escape(title)}</text>']
    for index, (what, unit, groups) in enumerate(parts):
        left = NAMES + index * (BARS + NUMBER)
        body.append(f'<text x="{left}" y="44" font-style="italic">{escape(what)}, {unit}</text>')
        bottom = panel(body, left, groups, named=index == 0)
    return svg(NAMES + len(parts) * (BARS + NUMBER), bottom, body)


def panel(body, left, groups, named):
    most = max((bar[3] for _, group in groups for bar in group), default=1) or 1
    at = lambda value: left + BARS * value / most
    y = 66
    for name, group in groups:
        if named:
            body.append(f'<text x="10" y="{y}" font-weight="bold">{escape(name)}</text>')
        y += 6
        for program, median, low, high in group:
            middle = y + ROW / 2
            if named:
                body.append(f'<text x="{left - 8}" y="{middle + 4}" text-anchor="end">{escape(program)}</text>')
            body.append(f'<rect x="{left}" y="{y + 2}" width="{at(median) - left:.1f}" height="{ROW - 4}" '
                        f'fill="{COLORS.get(program, "#999")}"/>')
            body.append(f'<path d="M{at(low):.1f} {middle}H{at(high):.1f}M{at(low):.1f} {middle - 3}v6M{at(high):.1f} {middle - 3}v6" '
                        'stroke="black"/>')
            body.append(f'<text x="{at(high) + 6:.1f}" y="{middle + 4}">{number(median)}</text>')
            y += ROW
        y += 26
    return y - 10


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def lines(title, x_name, y_name, series):
    """series: [(name, color, [(x, y)])], both axes linear from 0"""
    width, height, left, bottom = 640, 320, 70, 50
    most_x = max(x for _, _, points in series for x, _ in points) or 1
    most_y = max(y for _, _, points in series for _, y in points) * 1.1 or 1
    x = lambda value: left + (width - left - 20) * value / most_x
    y = lambda value: height - bottom - (height - bottom - 50) * value / most_y
    body = [f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
            f'<path d="M{left} 50V{height - bottom}H{width - 20}" stroke="black" fill="none"/>',
            f'<text x="{width / 2}" y="{height - 10}" text-anchor="middle">{escape(x_name)}</text>',
            f'<text x="14" y="44">{escape(y_name)}</text>']
    for step in range(5):
        vx, vy = most_x * step / 4, most_y * step / 4
        body.append(f'<text x="{x(vx):.1f}" y="{height - bottom + 16}" text-anchor="middle">{vx:.3g}</text>')
        body.append(f'<text x="{left - 6}" y="{y(vy) + 4:.1f}" text-anchor="end">{vy:.3g}</text>')
    for index, (name, color, points) in enumerate(series):
        path = "L".join(f"{x(px):.1f} {y(py):.1f}" for px, py in points)
        body.append(f'<path d="M{path}" stroke="{color}" stroke-width="2" fill="none"/>')
        body.append(f'<text x="{left + 20}" y="{60 + 16 * index}" fill="{color}">{escape(name)}</text>')
    return svg(width, height, body)
