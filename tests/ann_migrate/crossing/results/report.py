LIMIT = 50.0


def tell(history):
    for row in history:
        print(f"> {row['train_accuracy']:.1f}% {row['val_loss']:.3f}")
    return history[-1]["val_accuracy"] > LIMIT
