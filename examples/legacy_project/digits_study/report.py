"""What people look at after a run. Accuracies are in percent, as the loop gives them."""


def table(histories):
    lines = [f"{'run':<12}{'epochs':>8}{'loss':>10}{'train':>9}{'test':>9}  grade"]
    for name, rows in histories.items():
        last = rows[-1]
        lines.append(
            f"{name:<12}{len(rows):>8}{last['train_loss']:>10.4f}"
            f"{last['train_accuracy']:>8.1f}%{last['val_accuracy']:>8.1f}%  {grade(last['val_accuracy'])}"
        )
    return "\n".join(lines)


def grade(accuracy):
    if accuracy > 90.0:
        return "good"
    return "fair" if accuracy > 50.0 else "poor"


def best_run(histories):
    return max(histories, key=lambda name: max(row["val_accuracy"] for row in histories[name] if "val_accuracy" in row))
